"""MongoDB: the server in MONGODB_URL, else a mongod on the PATH, else secantusd."""

import shutil
import sys

import pymongo
import pymongo.errors

from local.backends.backend import Backend
from local.home import Home
from local.ports import HOST
from local.processes.program import BACKENDS, Program
from local.processes.supervisor import program_path

# Few arenas, that hold little; but each answer's buffers are used again, because with glibc's own thresholds some
# servers mapped them anew each time, and took twice the processor time to read a file.
MEMORY = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**26)}


def external(url: str) -> Backend:
    """Return the backend of an external server."""
    return Backend("mongodb", url, lambda: answers(url))


def private(home: Home, port: int) -> Backend:
    """Return a private server."""
    url = f"mongodb://{HOST}:{port}"
    mongod = shutil.which("mongod", path=program_path())
    command = _mongod(mongod, home, port) if mongod else _secantusd(home, port)
    program = Program("mongodb", BACKENDS, command, lambda: answers(url), MEMORY, stop_seconds=20)
    return Backend("mongodb", url, program.healthy, [program])


def _mongod(program: str, home: Home, port: int) -> list[str]:
    folder = home.data / "mongod"
    folder.mkdir(mode=0o700, exist_ok=True)
    return [
        program,
        "--quiet",
        "--nounixsocket",
        f"--bind_ip={HOST}",
        f"--port={port}",
        f"--dbpath={folder}",
        "--wiredTigerCacheSizeGB=0.25",
    ]


def _secantusd(home: Home, port: int) -> list[str]:
    # All flags were measured: together they keep four large parallel uploads below 200 MB resident, lose no
    # acknowledged write on kill -9 (--sync-on-commit), and limit the memory of a runaway query (prlimit).
    return [
        "prlimit",
        "--as=6000000000",
        sys.executable,
        "-m",
        "local.backends.secantusd",
        f"--host={HOST}",
        f"--port={port}",
        f"--storage-path={home.data / 'secantus'}",
        "--log-level=WARNING",
        "--standalone",
        "--cache-size=128M",
        "--oplog-max-entries=10",
        "--oplog-retention-seconds=5",
        "--sync-on-commit",
    ]


def answers(url: str) -> bool:
    """Tell whether the server at this URL accepts us."""
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(
        url, serverSelectionTimeoutMS=1000, connectTimeoutMS=1000, socketTimeoutMS=5000
    )
    try:
        client.admin.command("ping")
    except pymongo.errors.PyMongoError:
        return False
    finally:
        client.close()
    return True
