"""Backends: one module for each system outside the process."""

import sys

# pymongo would load the X.509 part of cryptography, only to find that pyOpenSSL, which we never use, is missing.
sys.modules.setdefault("pymongo.pyopenssl_context", None)  # type: ignore[arg-type]
