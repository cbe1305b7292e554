"""Where the parts of the system are in a cluster."""

FUNCTIONS, EVENTS = "mp3converter", "mp3converter-events"  # the namespaces
DATABASE = VHOST = "mp3converter"
MONGODB = f"mongodb.{FUNCTIONS}.svc:27017/{DATABASE}?replicaSet=rs0"
MYSQL = f"mysql.{FUNCTIONS}.svc:3306/{DATABASE}?tls=none"
RABBITMQ = f"rabbitmq.{EVENTS}.svc"
MAILPIT = f"smtp://mailpit.{FUNCTIONS}.svc:1025?tls=none"
