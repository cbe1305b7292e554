"""Mistakes for testing the checks: the object, the path, the value, and part of the expected error."""

from __future__ import annotations

from typing import Any, NamedTuple

REMOVED: Any = object()
SERVICE = "Service.serving.knative.dev"
TEMPLATE = "spec.template.spec"
PART = f"{TEMPLATE}.containers.0"
POLICY = "NetworkPolicy.networking.k8s.io"
JOB = "Job.batch"
LABELS = "spec.template.metadata.labels"
SCALE = "spec.template.metadata.annotations.autoscaling/"


class Mistake(NamedTuple):
    """A value to put at a path in an object; the path is split at dots, an annotation may be shortened to its end."""

    kind: str
    name: str
    path: str
    value: Any
    error: str


MISTAKES = [
    # schemas
    Mistake(SERVICE, "login", f"{PART}.ressources", {}, "ressources"),
    Mistake(SERVICE, "login", f"{TEMPLATE}.containerConcurrency", "6", "is not of type 'integer'"),
    Mistake("Namespace", "mp3converter", "spec.finalizer", [], "finalizer"),
    Mistake("ServiceAccount", "functions", "automount", False, "automount"),
    Mistake("ConfigMap", "jobs", "data.MAX_ATTEMPTS", 5, "5"),
    Mistake("Deployment.apps", "gateway", f"{TEMPLATE}.containers.0.imagePolicy", "Always", "imagePolicy"),
    Mistake("Service", "gateway", "spec.port", 80, "port"),
    Mistake("StatefulSet.apps", "mysql", "spec.replica", 1, "replica"),
    Mistake(POLICY, "functions", "spec.ingres", [], "ingres"),
    Mistake("RabbitmqCluster.rabbitmq.com", "rabbitmq", "spec.replica", 1, "replica"),
    Mistake("Vhost.rabbitmq.com", "mp3converter", "spec.policy", "x", "policy"),
    Mistake("Exchange.rabbitmq.com", "mp3converter", "spec.durabel", True, "durabel"),
    Mistake("Queue.rabbitmq.com", "videos", "spec.args", {}, "args"),
    Mistake("Binding.rabbitmq.com", "mp3-ready", "spec.destinationType", "topic", "topic"),
    Mistake("User.rabbitmq.com", "upload", "spec.password", "x", "password"),
    Mistake("Permission.rabbitmq.com", "upload", "spec.permissions.publish", "x", "publish"),
    Mistake("RabbitmqSource.sources.knative.dev", "videos", "spec.delivery.deadLetterSink", {}, "deadLetterSink"),
    Mistake("PingSource.sources.knative.dev", "sweep", "spec.cron", "x", "cron"),
    Mistake("PingSource.sources.knative.dev", "sweep", "apiVersion", "sources.knative.dev/v2", "no schema"),
    # webhooks
    Mistake(SERVICE, "login", "metadata.annotations", {"autoscaling.knative.dev/min-scale": "1"}, "in the template"),
    Mistake(SERVICE, "login", f"{SCALE}min-scale", "9", "max-scale is below min-scale"),
    Mistake(SERVICE, "login", f"{SCALE}minScale", "9", "unknown annotation"),
    Mistake(SERVICE, "convert", "metadata.labels.networking/visibility", "private", "cluster-local"),
    Mistake(SERVICE, "login", f"{TEMPLATE}.nodeSelector", {}, "nodeSelector is not allowed"),
    Mistake(SERVICE, "login", f"{TEMPLATE}.automountServiceAccountToken", True, "may only be false"),
    Mistake(SERVICE, "login", f"{TEMPLATE}.containerConcurrency", 1001, "0 to 1000"),
    Mistake(SERVICE, "convert", f"{TEMPLATE}.timeoutSeconds", 601, "at most 600"),
    Mistake(SERVICE, "convert", f"{TEMPLATE}.timeoutSeconds", 590, "no other time-out is longer"),
    Mistake(SERVICE, "login", f"{PART}.lifecycle", {}, "lifecycle is not allowed"),
    Mistake(SERVICE, "login", f"{PART}.securityContext.capabilities.add", ["NET_RAW"], "cannot be added"),
    Mistake(SERVICE, "login", f"{PART}.env.0.name", "PORT", "Knative itself sets PORT"),
    Mistake(SERVICE, "login", f"{PART}.ports.0.containerPort", 9090, "is Knative's"),
    Mistake(SERVICE, "login", f"{PART}.ports.0.name", "http", "http1 or h2c"),
    Mistake(SERVICE, "login", f"{PART}.readinessProbe.failureThreshold", 3, "without periodSeconds"),
    Mistake(SERVICE, "login", f"{PART}.livenessProbe.tcpSocket", {}, "one handler"),
    Mistake(SERVICE, "login", f"{TEMPLATE}.volumes.0", {"name": "tmp", "hostPath": {"path": "/"}}, "forbidden type"),
    Mistake(SERVICE, "login", f"{PART}.volumeMounts.0.name", "temp", "both a volume and mounted"),
    Mistake(SERVICE, "login", f"{PART}.volumeMounts.0.mountPath", "/", "mountPath is reserved"),
    Mistake("RabbitmqSource.sources.knative.dev", "videos", "spec.rabbitmqClusterReference.name", "x", "by its name"),
    Mistake("RabbitmqSource.sources.knative.dev", "videos", "spec.delivery.backoffDelay", "1s", "ISO 8601"),
    Mistake("RabbitmqSource.sources.knative.dev", "videos", "spec.rabbitmqResourcesConfig.parallelism", 0, "1 to 1000"),
    Mistake("PingSource.sources.knative.dev", "sweep", "spec.schedule", "@every 30s", "five fields"),
    Mistake("Queue.rabbitmq.com", "videos", "spec.durable", False, "is durable"),
    Mistake("Permission.rabbitmq.com", "upload", "spec.user", "upload", "user or by userReference"),
    # references
    Mistake(SERVICE, "login", f"{TEMPLATE}.serviceAccountName", "function", "no service account"),
    Mistake(SERVICE, "login", f"{PART}.image", "mp3converter/logon:1", "no folder"),
    Mistake(SERVICE, "login", f"{PART}.image", "mp3converter/login", "has no tag"),
    Mistake(SERVICE, "upload", f"{PART}.envFrom.0.configMapRef.name", "server", "no ConfigMap 'server'"),
    Mistake(SERVICE, "login", f"{TEMPLATE}.volumes.1.secret.secretName", "logins", "no Secret 'logins'"),
    Mistake(SERVICE, "login", f"{PART}.env.-1.value", "/var/run/secrets/mp3converter/signup", "has no 'signup'"),
    Mistake(SERVICE, "login", f"{PART}.env.-1.value", "/etc/signup-token", "no Secret is mounted"),
    Mistake(SERVICE, "login", f"{PART}.livenessProbe.httpGet.port", 8081, "unknown port 8081"),
    Mistake("Service", "gateway", "spec.ports.0.targetPort", "web", "unknown port web"),
    Mistake("Service", "mysql", "spec.selector", {"app": "mysql"}, "selects no pod"),
    Mistake("RabbitmqSource.sources.knative.dev", "videos", "spec.sink.ref.name", "upload-mp3", "no sink"),
    Mistake("RabbitmqSource.sources.knative.dev", "videos", "spec.rabbitmqResourcesConfig.queueName", "video", "Queue"),
    Mistake("PingSource.sources.knative.dev", "sweep", "spec.sink.ref.namespace", "default", "no sink 'sweep'"),
    Mistake(
        "RabbitmqSource.sources.knative.dev",
        "mp3s",
        "spec.rabbitmqClusterReference.connectionSecret.name",
        "x",
        "no Secret 'x'",
    ),
    Mistake("User.rabbitmq.com", "upload", "spec.importCredentialsSecret.name", "x", "no Secret 'x'"),
    Mistake("Permission.rabbitmq.com", "upload", "spec.userReference.name", "x", "no User 'x'"),
    Mistake("Binding.rabbitmq.com", "mp3-ready", "spec.source", "x", "no Exchange 'x'"),
    Mistake("Queue.rabbitmq.com", "videos", "spec.arguments.x-dead-letter-exchange", "x", "no Exchange 'x'"),
    Mistake("Queue.rabbitmq.com", "videos", "spec.rabbitmqClusterReference.name", "x", "no RabbitmqCluster 'x'"),
    Mistake("ServiceAccount", "functions", "metadata.namespace", "default", "no namespace 'default'"),
    # settings
    Mistake(SERVICE, "login", f"{PART}.env.0.name", "THREAD", "THREAD is not a setting"),
    Mistake(SERVICE, "login", f"{PART}.env.-1.name", "RABBITMQ_URL_FILE", "RABBITMQ_URL_FILE is not a setting"),
    Mistake(SERVICE, "login", f"{PART}.env.-1.name", "SIGNUP_TOKEN", "belongs in a file"),
    Mistake(SERVICE, "convert", f"{PART}.env.-1", {"name": "LOG_LEVEL", "value": "DEBUG"}, "RABBITMQ_URL is required"),
    Mistake("ConfigMap", "jobs", "data.MAX_TRIES", "5", "MAX_TRIES is not a setting"),
    Mistake(SERVICE, "login", f"{PART}.env.0.name", "MAX_DURATION_SECONDS", "MAX_DURATION_SECONDS is not a setting"),
    Mistake(SERVICE, "login", f"{PART}.env.0.value", "4", "THREADS repeats the default"),
    Mistake("ConfigMap", "jobs", "data.VIDEO_KEEP_DAYS", "1.0", "VIDEO_KEEP_DAYS repeats the default"),
    # topology
    Mistake("Queue.rabbitmq.com", "videos", "spec.arguments.x-delivery-limit", 6, "only definitions.json"),
    Mistake("Exchange.rabbitmq.com", "mp3converter", "spec.type", "direct", "only a manifest"),
    Mistake("Binding.rabbitmq.com", "mp3-ready", "spec.routingKey", "mp3.*", "only a manifest"),
    # our own rules
    Mistake("ConfigMap", "jobs", "data.CONVERT_TIMEOUT_SECONDS", "600", "CONVERT_TIMEOUT_SECONDS must be below"),
    Mistake("ConfigMap", "jobs", "data.UPLOAD_TIMEOUT_SECONDS", "3600", "UPLOAD_TIMEOUT_SECONDS must be below"),
    Mistake(SERVICE, "convert", f"{TEMPLATE}.responseStartTimeoutSeconds", REMOVED, "must be equal"),
    Mistake(SERVICE, "convert", f"{PART}.env.0.value", "600", "GRACEFUL_TIMEOUT_SECONDS must be below"),
    Mistake(SERVICE, "upload", f"{TEMPLATE}.containerConcurrency", 128, "THREADS must be above"),
    Mistake(SERVICE, "convert", "metadata.labels.networking/visibility", REMOVED, "cluster-local"),
    Mistake(SERVICE, "login", f"{SCALE}max-scale", REMOVED, "both bounds"),
    Mistake(SERVICE, "login", f"{PART}.livenessProbe.httpGet.path", "/", "probes must use"),
    Mistake(SERVICE, "login", f"{PART}.securityContext.runAsUser", 1000, "65532"),
    Mistake(SERVICE, "login", f"{PART}.securityContext.runAsNonRoot", REMOVED, "runAsNonRoot must be True"),
    Mistake(SERVICE, "login", f"{PART}.securityContext.capabilities", {}, "capabilities must be dropped"),
    Mistake(SERVICE, "login", f"{PART}.securityContext.seccompProfile", REMOVED, "seccompProfile"),
    Mistake("StatefulSet.apps", "mongodb", f"{TEMPLATE}.securityContext", {}, "runAsNonRoot must be True"),
    Mistake(SERVICE, "login", f"{PART}.resources.limits", {"cpu": 1}, "limits lack"),
    Mistake(SERVICE, "login", f"{TEMPLATE}.volumes.0.emptyDir", {}, "no size limit"),
    Mistake(SERVICE, "convert", f"{TEMPLATE}.volumes.0.emptyDir.sizeLimit", "3Gi", "the largest video and MP3"),
    Mistake(SERVICE, "convert", f"{PART}.resources.limits.ephemeral-storage", "7Gi", "must hold /tmp"),
    Mistake(SERVICE, "login", f"{PART}.volumeMounts.0.mountPath", "/temp", "nothing is mounted at /tmp"),
    Mistake("RabbitmqSource.sources.knative.dev", "videos", "spec.delivery", REMOVED, "a 503 is not retried"),
    Mistake(
        "RabbitmqSource.sources.knative.dev",
        "videos",
        "spec.rabbitmqResourcesConfig.predeclared",
        False,
        "no dead letters",
    ),
    Mistake(
        "RabbitmqSource.sources.knative.dev",
        "videos",
        "spec.rabbitmqResourcesConfig.parallelism",
        1,
        "the function's capacity",
    ),
    Mistake(
        "RabbitmqCluster.rabbitmq.com",
        "rabbitmq",
        "spec.rabbitmq.additionalConfig",
        "heartbeat = 60\n",
        "consumer_timeout must be above",
    ),
    Mistake("Queue.rabbitmq.com", "videos", "spec.deletionPolicy", REMOVED, "would be deleted with it"),
    Mistake(SERVICE, "login", "metadata.labels", {"app.kubernetes.io/name": "login"}, "would end in svc.cluster.local"),
    # network policies
    Mistake(POLICY, "default-deny", "spec.policyTypes", ["Ingress"], "denies nothing"),
    Mistake(POLICY, "gateway", "spec.podSelector.matchLabels", {"app": "x"}, "no policy of"),
    Mistake(POLICY, "functions", "spec.podSelector.matchLabels", {"app": "x"}, "ingress cannot call it"),
    Mistake(
        SERVICE, "login", LABELS, {"app.kubernetes.io/component": "function"}, "needs [25, 465, 587, 1025, 3306, 27017]"
    ),
    Mistake(SERVICE, "login", LABELS, {"mp3converter.com/mysql-client": "true"}, "mongodb must allow"),
    Mistake(SERVICE, "convert", LABELS, {"mp3converter.com/mysql-client": "true"}, "mysql must allow"),
    Mistake(POLICY, "mysql-clients", "spec.egress.0.ports.0.port", 27017, "needs [25, 465, 587, 1025, 3306, 27017]"),
    Mistake(
        POLICY,
        "mongodb",
        "spec.ingress.0.from.0.podSelector.matchLabels",
        {"app.kubernetes.io/name": "login"},
        "mongodb must allow it",
    ),
    Mistake(POLICY, "mysql-clients", "spec.egress", [{}], "the whole network"),
    Mistake(
        POLICY,
        "mailpit",
        "spec.ingress.0.from.0.podSelector.matchLabels",
        {"app.kubernetes.io/name": "login"},
        "mailpit must allow it",
    ),
    Mistake(POLICY, "smtp-clients", "spec.egress.-1.ports.0.port", 2525, "needs [25, 465, 587"),
    Mistake(POLICY, "webhook-senders", "spec.egress.0.to.0.ipBlock.except.1", "11.0.0.0/8", "it allows 10.0.0.1"),
    Mistake(POLICY, "webhook-senders", "spec.egress.0.to.1.ipBlock.cidr", "::/1", "it allows ::1"),
    Mistake(POLICY, "webhook-senders", "spec.egress.0.to.1.ipBlock.cidr", "fc00::/7", "does not allow 2606:4700"),
    Mistake(SERVICE, "convert", LABELS, {"mp3converter.com/webhook-sender": "true"}, "it may use ports [443"),
    # a mail catcher and a replica set
    Mistake("Deployment.apps", "mailpit", f"{PART}.image", "axllent/mailpit", "has no tag"),
    Mistake("Deployment.apps", "mailpit", f"{PART}.securityContext.readOnlyRootFilesystem", False, "must be True"),
    Mistake("Service", "mailpit", "spec.ports.0.targetPort", "mail", "unknown port mail"),
    Mistake("StatefulSet.apps", "mongodb", "spec.replicas", 2, "an even number"),
    Mistake("StatefulSet.apps", "mongodb", "spec.podManagementPolicy", REMOVED, "must start together"),
    Mistake("StatefulSet.apps", "mongodb", f"{PART}.args", ["--bind_ip_all"], "not a member of a replica set"),
    Mistake(
        "StatefulSet.apps",
        "mongodb",
        f"{TEMPLATE}.initContainers.0.securityContext.capabilities",
        {},
        "capabilities must be dropped",
    ),
    Mistake("StatefulSet.apps", "mongodb", f"{TEMPLATE}.initContainers.0.image", "mango:8", "no folder"),
    Mistake("StatefulSet.apps", "mongodb", f"{TEMPLATE}.volumes.1.secret.items.1.key", "keys", "has no 'keys'"),
    Mistake("Service", "mongodb", "spec.publishNotReadyAddresses", REMOVED, "before they are ready"),
    # the migration
    Mistake(JOB, "migrate-dev", "spec.backofLimit", 1, "backofLimit"),
    Mistake(JOB, "migrate-dev", "metadata.name", "migrate", "must end with its image's tag"),
    Mistake(JOB, "migrate-dev", f"{PART}.image", "mp3converter/upload:dev", "must be login's"),
    Mistake(JOB, "migrate-dev", "spec.ttlSecondsAfterFinished", REMOVED, "must have an end"),
    Mistake(JOB, "migrate-dev", f"{TEMPLATE}.restartPolicy", "OnFailure", "are lost"),
    Mistake(JOB, "migrate-dev", "spec.activeDeadlineSeconds", 600, "above the waits"),
    Mistake(JOB, "migrate-dev", f"{PART}.command.-1", "upgrade", "one of login's"),
    Mistake(JOB, "migrate-dev", f"{PART}.securityContext.readOnlyRootFilesystem", False, "must be True"),
    Mistake(JOB, "migrate-dev", f"{TEMPLATE}.automountServiceAccountToken", True, "the Kubernetes API"),
    Mistake(JOB, "migrate-dev", f"{PART}.env.0.name", "MYSQL_URI_FILE", "MYSQL_URL is required"),
    Mistake(JOB, "migrate-dev", f"{TEMPLATE}.volumes.1.secret.items.0.key", "mysql-url", "has no 'mysql-url'"),
    Mistake(JOB, "migrate-dev", LABELS, {"app.kubernetes.io/name": "migrate"}, "no policy of"),
    Mistake(JOB, "migrate-dev", LABELS, {"mp3converter.com/mongodb-client": "true"}, "but needs [3306]"),
    Mistake(JOB, "migrate-dev", LABELS, {"app.kubernetes.io/component": "function"}, "nothing calls it"),
]
