"""gunicorn's settings for every function (functions/README.md, How a function is served)."""

import gc
import os
import signal
import socket
import sys
from types import ModuleType
from typing import Any

wsgi_app = "functions.serve:app"
bind = f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8080')}"  # noqa: S104 - the container's only port
worker_class = "functions.worker.Worker"
workers = 1
threads = int(os.environ.get("THREADS", "4"))
# The only worker loads the app itself. Loading it before the fork saves no time, and 2 MB of its pages are copied
# before the first answer.
preload_app = False
timeout = 0  # a conversion may take minutes
graceful_timeout = int(float(os.environ.get("GRACEFUL_TIMEOUT_SECONDS", "600")))
keepalive = 100  # longer than proxies keep idle connections (Go: 90 s), which would send a request on a closed one
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - only a heartbeat file
control_socket_disable = True
loglevel = "warning"

# What a cold start loads lives as long as the process. Collecting garbage while it grows would take a tenth of the time
# to the first answer; upload creates 85,000 objects until then.
gc.set_threshold(100_000)


def on_starting(server: Any) -> None:
    """Replace Jinja, which no function uses, because loading it takes a tenth of a cold start."""
    stub: Any = ModuleType("jinja2")
    for name in ("BaseLoader", "Environment", "FileSystemLoader", "Template", "TemplateNotFound"):
        setattr(stub, name, type(name, (), {}))
    sys.modules["jinja2"] = stub


def post_worker_init(worker: Any) -> None:
    """Exclude what is loaded from garbage collection, and handle SIGTERM.

    SIGTERM refuses new connections at once and tells running work to stop, then gunicorn stops as usual.
    """
    from functions.common import shutdown

    gc.freeze()
    stop: Any = signal.getsignal(signal.SIGTERM)

    def terminate(number: int, frame: Any) -> None:
        shutdown.requested.set()
        # Without both, new connections would hang until the last request is answered, because gunicorn's loop and
        # the kernel go on listening.
        worker.set_accept_enabled(False)
        for listener in worker.sockets:
            listener.sock.shutdown(socket.SHUT_RDWR)
        stop(number, frame)

    signal.signal(signal.SIGTERM, terminate)
