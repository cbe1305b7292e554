#!/bin/sh
# Look up each package of the images in the Python Packaging Advisory Database. Needs uv and the internet; a package that
# cannot be looked up counts as a failure.
set -eu
cd "$(dirname "$(readlink -f "$0")")/.."
for room in functions/*/requirements.txt; do
    set -- "$@" --requirement "$room"
done
exec uvx pip-audit@2.10.1 --strict --disable-pip --require-hashes "$@"
