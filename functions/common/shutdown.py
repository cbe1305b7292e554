"""Whether this process has been told to stop, for work that can be handed back (functions/README.md, rule 6)."""

from __future__ import annotations

import threading

requested = threading.Event()
