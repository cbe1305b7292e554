# Runs when mongod starts: adds this pod to the replica set, once; retries until it succeeds.
set -eu
if [ -e /data/db/joined ]; then exit 0; fi
until mongosh --quiet --norc --file /setup/join.js; do sleep 2; done
touch /data/db/joined
