"""Backends: one module for each system outside the process."""

import sys

# Where cryptography is installed, pymongo loads its X.509 only to learn that pyOpenSSL, which we never have, is not.
sys.modules.setdefault("pymongo.pyopenssl_context", None)  # type: ignore[arg-type]
