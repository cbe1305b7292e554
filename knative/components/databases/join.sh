# Run when mongod starts: makes this pod a member of the replica set, once; until then it tries again.
set -eu
if [ -e /data/db/joined ]; then exit 0; fi
until mongosh --quiet --norc --file /setup/join.js; do sleep 2; done
touch /data/db/joined
