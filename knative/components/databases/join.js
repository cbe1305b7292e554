// Adds this pod to the replica set: the first pod creates it and its users, the others join it.
// Each step can be repeated after a crash.
const fs = require("fs");
const os = require("os");

const SECRETS = "/var/run/secrets/admin";
const DOMAIN = "mongodb.mp3converter.svc.cluster.local:27017";
const FIRST = `mongodb-0.${DOMAIN}`;
const HERE = `${os.hostname()}.${DOMAIN}`;
const password = fs.readFileSync(`${SECRETS}/password`, "utf8").trim();

function initiate() {
  if (!db.hello().setName) rs.initiate({ _id: "rs0", members: [{ _id: 0, host: HERE }] });
  while (!db.hello().isWritablePrimary) sleep(500);
  const admin = db.getSiblingDB("admin");
  try {
    admin.auth("admin", password);
  } catch (error) {
    if (error.codeName !== "AuthenticationFailed") throw error;
    // There is no user yet: mongod allows local connections to create the first one, and nothing else.
    admin.createUser({ user: "admin", pwd: password, roles: ["root"] });
    admin.auth("admin", password);
  }
  db = db.getSiblingDB("mp3converter");
  load(`${SECRETS}/users.js`);
}

function join() {
  const admin = connect(`mongodb://admin:${encodeURIComponent(password)}@${FIRST}/admin?replicaSet=rs0`);
  const config = admin.adminCommand({ replSetGetConfig: 1 }).config;
  if (config.members.some((member) => member.host === HERE)) return;
  const highest = Math.max(...config.members.map((member) => member._id));
  config.members.push({ _id: highest + 1, host: HERE });
  config.version += 1;
  admin.adminCommand({ replSetReconfig: config });
}

if (HERE === FIRST) initiate();
else join();
