#!/bin/sh
# Look up each package of the images in the Python Packaging Advisory Database, and those of the page in npm's. Needs uv,
# npm and the internet; a package that cannot be looked up counts as a failure.
set -eu
cd "$(dirname "$(readlink -f "$0")")/.."
for room in functions/*/requirements.txt; do
    set -- "$@" --requirement "$room"
done
status=0
npm --prefix functions/page/app audit --package-lock-only || status=1
uvx pip-audit@2.10.1 --strict --disable-pip --require-hashes "$@" || status=1
exit "$status"
