#!/bin/sh
# Pin and hash all packages of each room's image, in the versions that the tests use. Needs uv. Run it after every change
# of a requirements.in or requirements-dev.txt.
set -eu
cd "$(dirname "$(readlink -f "$0")")/.."
for room in functions/*/requirements.in functions/page/node.in; do
    uv pip compile --quiet --generate-hashes --no-header --no-annotate --only-binary :all: \
        --python-version 3.11 --python-platform linux --constraints requirements-dev.txt \
        --output-file "${room%.in}.txt" "$room"
done
