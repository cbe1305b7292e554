#!/bin/sh
# As root: make an image to build on out of Debian's packages, where no image registry can be asked. It stands in for
# the official python:3.11-slim and is like it in what matters here: Debian 12, CPython 3.11 as `python`, pip, no bytecode.
set -eu
folder=$1
image=$2
root=$folder/root
rm -rf "$root"
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates bookworm "$root"
rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED "$root"/var/cache/apt/archives/*.deb
rm -rf "$root"/var/lib/apt/lists/*
find "$root" -name '*.pyc' -delete
ln -s /usr/bin/python3 "$root/usr/local/bin/python"
tar -C "$root" -c --exclude='./proc/*' --exclude='./sys/*' --exclude='./dev/*' . |
    podman import --quiet --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' - "$image"
