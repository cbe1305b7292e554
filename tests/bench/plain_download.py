"""What download is compared with: the bare loop over GridFS in a Flask app, with nothing around it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from flask import Flask, Response
from pymongo import MongoClient
from pymongo.database import Database

app = Flask(__name__)


def database() -> Database[dict[str, Any]]:
    """Return the database that the bench names."""
    if "DATABASE" not in app.config:
        app.config["DATABASE"] = MongoClient(os.environ["BENCH_MONGODB_URL"])[os.environ["BENCH_MONGODB_DATABASE"]]
    found: Database[dict[str, Any]] = app.config["DATABASE"]
    return found


def chunks(files: Database[dict[str, Any]], file_id: str) -> Iterator[bytes]:
    """Yield the chunks of a file by the GridFS specification, and do nothing else."""
    for chunk in files["mp3s.chunks"].find({"files_id": file_id}).sort("n", 1):
        yield chunk["data"]


@app.get("/")
def health() -> str:
    """Answer."""
    return ""


@app.get("/<file_id>")
def send(file_id: str) -> Response:
    """Send a file."""
    entry = database()["mp3s.files"].find_one({"_id": file_id}) or {}
    return Response(chunks(database(), file_id), headers={"Content-Length": str(entry["length"])})
