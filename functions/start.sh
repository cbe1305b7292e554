#!/bin/sh
# The entry point of every image.
set -eu
if [ "$FUNCTION_TARGET" = connector ]; then
    export CONNECTOR_HEALTH_PORT="${CONNECTOR_HEALTH_PORT:-$PORT}"
    exec python -m functions.connector
fi
exec gunicorn -c functions/gunicorn.conf.py
