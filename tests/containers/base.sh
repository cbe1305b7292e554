#!/bin/sh
# As root: make an image to build on out of Debian's packages, where no image registry can be asked. It stands in for
# the official python:3.11-slim and is like it in what matters here: Debian 12, CPython 3.11 as `python`, pip, no bytecode.
set -eu
folder=$1
image=$2
archive=$folder/base.tar
trap 'rm -f "$archive"' EXIT
rm -f "$archive"
# With mounts of its own, which end with it: deleting the folder of a killed build would otherwise empty /dev/shm.
unshare --mount mmdebstrap --variant=minbase --include=python3,python3-venv,python3-pip,ca-certificates --dpkgopt=force-unsafe-io \
    --customize-hook='rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED' \
    --customize-hook='find "$1" -xdev -name "*.pyc" -delete' \
    --customize-hook='ln -s /usr/bin/python3 "$1/usr/local/bin/python"' \
    bookworm "$archive" http://deb.debian.org/debian
podman import --quiet --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin' "$archive" "$image"
