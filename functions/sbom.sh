#!/bin/sh
# Write a bill of materials (CycloneDX, JSON) of the packages in each room's image, with those of npm that the page is
# built from, into a folder: functions/sbom.sh FOLDER. Needs cyclonedx-py, which requirements-dev.txt installs.
set -eu
folder=$(readlink -f "${1:?name a folder}")
mkdir -p "$folder"
cd "$(dirname "$(readlink -f "$0")")/.."
for room in functions/*/requirements.txt; do
    name=$(basename "$(dirname "$room")")
    cyclonedx-py requirements --output-reproducible --output-format JSON --output-file "$folder/$name.cdx.json" "$room"
done
python3 functions/bundled.py "$folder/page.cdx.json"
