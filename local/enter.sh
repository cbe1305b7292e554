#!/bin/sh
# The way into every command: find a Python, let local/install.py do the rest.
set -eu
case ${LOCAL_HOME:-/} in
    /*) ;;
    *) export LOCAL_HOME="$PWD/$LOCAL_HOME" ;;
esac
cd "$(dirname "$(readlink -f "$0")")/.."
# The system's own first: an environment made from one in a private home could not be run by other users.
for python in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
    if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        exec "$python" -E -s -m local.install "$@"
    fi
done
echo "Python 3.11 or newer is needed and was not found. Install it, for example with: apt-get install python3" >&2
exit 1
