"""RabbitMQ: a private broker, or the one in RABBITMQ_URL."""

from urllib.parse import quote

import pika

from local.backends import definitions
from local.backends.backend import Backend
from local.home import Home
from local.ports import HOST
from local.processes.program import BACKENDS, Program
from local.secret_files import SecretFiles

# Not /usr/sbin/rabbitmq-server, which switches the user or refuses to run.
PROGRAMS = "/usr/lib/rabbitmq/bin"
CONSUMER_TIMEOUT_MILLISECONDS = 3 * 60 * 60 * 1000
USERS = ("admin", "functions", "connector", "operator")


def external(url: str) -> Backend:
    """Return the backend of an external broker."""
    return Backend("rabbitmq", url, lambda: answers(url), provision=lambda: definitions.declare(url))


def private(home: Home, ports: dict[str, int], secrets: SecretFiles, *, heartbeat_seconds: int = 60) -> Backend:
    """Return a private broker with its own port mapper (epmd)."""
    url = user_url("admin", ports, secrets)
    mapper = Program("epmd", BACKENDS, ["epmd", "-address", HOST, "-port", str(ports["epmd"])], lambda: True, order=10)
    broker = Program(
        "rabbitmq",
        BACKENDS,
        [f"{PROGRAMS}/rabbitmq-server"],
        lambda: answers(url),
        environment(home, ports),
        stop_seconds=30,
    )

    def prepare() -> None:
        _write_configuration(home, ports["rabbitmq"], secrets, heartbeat_seconds)

    return Backend(
        "rabbitmq", url, broker.healthy, [mapper, broker], prepare=prepare, provision=lambda: definitions.declare(url)
    )


def _write_configuration(home: Home, port: int, secrets: SecretFiles, heartbeat_seconds: int) -> None:
    folder = home.data / "rabbitmq"
    for name in ("mnesia", "log", "conf"):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / "rabbitmq-env.conf").write_text("")
    (folder / "enabled_plugins").write_text("[].\n")
    # The node's name must resolve even if /etc/hosts does not have it, or only for IPv6.
    (folder / "inetrc").write_text('{host, {127,0,0,1}, ["localhost"]}.\n{lookup, [file, native]}.\n')
    passwords = {user: secrets.read(f"rabbitmq_{user}_password") for user in USERS}
    loaded = secrets.write("rabbitmq-definitions.json", definitions.with_users(passwords))
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = {HOST}:{port}\n"
        "loopback_users.guest = true\n"
        f"load_definitions = {loaded}\n"
        f"consumer_timeout = {CONSUMER_TIMEOUT_MILLISECONDS}\n"
        f"heartbeat = {heartbeat_seconds}\n"
    )


def user_url(user: str, ports: dict[str, int], secrets: SecretFiles, vhost: str = definitions.VHOST) -> str:
    """Return the URL of one of the private broker's users."""
    password = quote(secrets.read(f"rabbitmq_{user}_password"), safe="")
    return f"amqp://{user}:{password}@{HOST}:{ports['rabbitmq']}/{quote(vhost, safe='')}"


def environment(home: Home, ports: dict[str, int]) -> dict[str, str]:
    """Return the environment that keeps the broker and its tools in the home and on the loopback interface."""
    folder = home.data / "rabbitmq"
    distribution = ports["rabbitmq-dist"]
    return {
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_NODENAME": "mp3converter@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": HOST,
        "RABBITMQ_NODE_PORT": str(ports["rabbitmq"]),
        "RABBITMQ_DIST_PORT": str(distribution),
        "ERL_EPMD_PORT": str(ports["epmd"]),
        "ERL_EPMD_ADDRESS": HOST,
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "conf"),
        "RABBITMQ_PID_FILE": str(home.run / "rabbitmq.pid"),
        "RABBITMQ_CTL_DIST_PORT_MIN": str(distribution + 1),
        "RABBITMQ_CTL_DIST_PORT_MAX": str(distribution + 11),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_INETRC": str(folder / "inetrc"),
        "ERL_CRASH_DUMP": str(home.log / "erl_crash.dump"),
        # Makes the start script exec the broker: if it only waited, killing it would orphan the broker.
        "RUNNING_UNDER_SYSTEMD": "true",
        # Erlang refuses a cookie file that others can read, and writes one to HOME.
        "HOME": str(home.user_home),
    }


def answers(url: str) -> bool:
    """Tell whether a connection to this amqp:// URL opens."""
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = 5
    try:
        pika.BlockingConnection(parameters).close()
    except definitions.CONNECTION_ERRORS:
        return False
    return True
