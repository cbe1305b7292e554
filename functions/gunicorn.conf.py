"""gunicorn's settings, the same for every function (functions/README.md, How a function is served)."""

import gc
import os
import signal
import socket
import sys
from types import ModuleType
from typing import Any

wsgi_app = "functions.serve:app"
bind = f"{os.environ.get('HOST', '0.0.0.0')}:{os.environ.get('PORT', '8080')}"  # noqa: S104 - a container's only port
worker_class = "gthread"
workers = 1
threads = int(os.environ.get("THREADS", "4"))
# The one worker loads the app itself: loaded before the fork, its pages are copied one by one as they are used, 2 MB of
# them by the first answer, and nothing is sooner.
preload_app = False
timeout = 0  # a conversion may keep its thread for minutes
graceful_timeout = int(float(os.environ.get("GRACEFUL_TIMEOUT_SECONDS", "600")))
keepalive = 15
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a heartbeat file, no data
control_socket_disable = True
loglevel = "warning"

# What a cold start loads lives as long as the process. Looking through it for garbage, again and again as it grows,
# is a tenth of the first answer's time: an upload's is there after 85,000 new objects.
gc.set_threshold(100_000)


def on_starting(server: Any) -> None:
    """Do without templates, which no function has: what Flask loads for them is a tenth of a cold start."""
    stand_in: Any = ModuleType("jinja2")
    for name in ("BaseLoader", "Environment", "FileSystemLoader", "Template", "TemplateNotFound"):
        setattr(stand_in, name, type(name, (), {}))
    sys.modules["jinja2"] = stand_in


def post_worker_init(worker: Any) -> None:
    """Keep what is loaded out of every later collection, and tell the work in hand of a SIGTERM.

    That signal refuses new connections at once, then stops as gunicorn does.
    """
    from functions.common import shutdown

    gc.freeze()
    stop: Any = signal.getsignal(signal.SIGTERM)

    def terminate(number: int, frame: Any) -> None:
        shutdown.requested.set()
        # Without both, a new connection hangs until the last request is answered: gunicorn's loop goes on
        # listening, and so does the kernel.
        worker.set_accept_enabled(False)
        for listener in worker.sockets:
            listener.sock.shutdown(socket.SHUT_RDWR)
        stop(number, frame)

    signal.signal(signal.SIGTERM, terminate)
