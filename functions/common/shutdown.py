"""Whether this process was told to stop, so that work can be handed back (functions/README.md, rule 6)."""

from __future__ import annotations

import threading

requested = threading.Event()
