#!/bin/sh
# The entry point of every command: install Python if it is missing, then run local/install.py.
set -eu
case ${LOCAL_HOME:-/} in
    /*) ;;
    *) export LOCAL_HOME="$PWD/$LOCAL_HOME" ;;
esac
cd "$(dirname "$(readlink -f "$0")")/.."

packages="python3 python3-venv"
by_hand="apt-get install --no-install-recommends $packages"

run() {
    # Prefer the system's Python: other users cannot run an environment based on a Python in a private home.
    for python in /usr/bin/python3 python3 python3.13 python3.12 python3.11; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            exec "$python" -E -s -m local.install "$@"
        fi
    done
}

fail() {
    echo "$1" >&2
    exit 1
}

install_python() {
    if [ "$(id -u)" -eq 0 ]; then
        as_root=
    elif command -v sudo >/dev/null; then
        as_root=sudo
    else
        fail "Python is missing. You are not root, and sudo is not installed. Ask root to run this, then try again: $by_hand"
    fi
    echo "Installing packages: $packages" >&2 # what the command itself prints may be for another program
    log=$(mktemp)
    # $packages is two words, $as_root is none or one.
    # shellcheck disable=SC2086
    if ! $as_root sh local/packages.sh $packages >"$log" 2>&1; then
        tail -n 15 "$log" | sed 's/^/    /' >&2
        rm -f "$log"
        fail "Install them manually, then try again: $by_hand"
    fi
    rm -f "$log"
}

run "$@"
case $1 in
    up | test | bench | chaos | corpus | cluster/up)
        # If python3 is too old, apt-get has no newer one.
        if ! command -v python3 >/dev/null && command -v apt-get >/dev/null; then
            install_python
            run "$@"
        fi
        ;;
esac
fail "Python 3.11 or newer is required. Install it with its venv module, then try again."
