"""What upload is compared with: Flask's own form parsing and pymongo's own GridFS, as most would write it."""

from __future__ import annotations

import os
from typing import Any

import gridfs
from flask import Flask, request
from pymongo import MongoClient

app = Flask(__name__)


def bucket() -> gridfs.GridFS:
    """Return the bucket that the bench names."""
    client: MongoClient[dict[str, Any]] = MongoClient(os.environ["BENCH_MONGODB_URL"])
    return gridfs.GridFS(client[os.environ["BENCH_MONGODB_DATABASE"]], "plain")


@app.post("/")
def store() -> dict[str, str]:
    """Store the file of a form."""
    return {"id": str(app.config.setdefault("BUCKET", bucket()).put(request.files["file"]))}
