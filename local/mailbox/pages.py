"""The mails as a page for people and as JSON for programs."""

from flask import Flask, Response, jsonify, render_template
from flask.typing import ResponseReturnValue

from local.mailbox.store import Store


def build(store: Store) -> Flask:
    """Return the app that shows a store."""
    app = Flask(__name__)

    @app.get("/")
    def page() -> str:
        return render_template("mails.html", mails=store.all())

    @app.get("/messages")
    def messages() -> Response:
        return jsonify(store.all())

    @app.get("/messages/<int:number>")
    def message(number: int) -> ResponseReturnValue:
        mail = store.get(number)
        return jsonify(mail) if mail else (jsonify(error="There is no such mail."), 404)

    @app.delete("/messages")
    def clear() -> ResponseReturnValue:
        store.clear()
        return "", 204

    @app.get("/healthz")
    def health() -> Response:
        return jsonify(status="ok")

    return app
