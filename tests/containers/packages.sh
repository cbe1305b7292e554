#!/bin/sh
# As root: install what builds images and runs containers; no service of theirs is started.
set -eu
exec sh "$(dirname "$(readlink -f "$0")")/../../local/packages.sh" \
    buildah podman runc conmon containernetworking-plugins iptables mmdebstrap
