"""The connector: deliver messages of RabbitMQ queues as CloudEvents over HTTP, where there is no RabbitmqSource."""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue

from functions.backends import amqp
from functions.common import config
from functions.common import log as logs
from functions.common.settings import Broker as BrokerSettings
from functions.common.settings import Deliveries
from functions.connector import health, timer
from functions.connector.broker import Broker
from functions.connector.calls import Caller
from functions.connector.consumer import Consumer
from functions.connector.delivery import Backoff
from functions.connector.settings import Connector, queues
from functions.connector.workers import Workers

log = logging.getLogger("functions.connector")

ENDED = "ended"


def main() -> int:
    """Run until a signal; return the exit status."""
    logs.setup("connector")
    try:
        settings = config.load(Connector)
        logging.root.setLevel(settings.log_level)
        token = config.load(Deliveries).event_token
        broker = _broker(settings, Caller(settings.call_timeout or None, token))
        if settings.health_port:
            health.serve(settings.host, settings.health_port, broker)
    except config.ConfigError as error:
        log.critical(str(error))
        return 1
    except OSError as error:
        log.critical("cannot listen on CONNECTOR_HEALTH_PORT", extra={"reason": str(error)})
        return 1
    return _run(broker, settings, Caller(settings.sweep_timeout, token))


def _broker(settings: Connector, caller: Caller) -> Broker:
    broker = Broker(amqp.address(config.load(BrokerSettings).url))
    backoff = Backoff(settings.retry, settings.backoff, settings.policy)
    workers = [Workers(queue, backoff, caller, broker.wake) for queue in queues(settings)]
    for group in workers:
        group.start()
    broker.consumers = [Consumer(group) for group in workers]
    return broker


def _run(broker: Broker, settings: Connector, sweep: Caller) -> int:
    # A signal handler may safely put into a SimpleQueue.
    notices: SimpleQueue[str] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda received, _frame: notices.put(signal.Signals(received).name))
    stopping = threading.Event()
    threads = [_start("broker", broker.run, notices)]
    if settings.sweep_url:
        run_timer = lambda: timer.run(settings.sweep_url, settings.sweep_every, sweep, stopping)  # noqa: E731
        threads.append(_start("timer", run_timer, notices))
    first = notices.get()
    if first == ENDED:
        log.critical("a thread ended unexpectedly")
        return 1
    log.info("stopping: waiting for running calls", extra={"signal": first})
    stopping.set()
    broker.stop()
    return _await(threads, notices, settings.grace)


def _await(threads: list[threading.Thread], notices: SimpleQueue[str], grace: float) -> int:
    deadline = time.monotonic() + grace
    ended = 0
    while ended < len(threads):
        try:
            message = notices.get(timeout=max(0.0, deadline - time.monotonic()))
        except Empty:
            log.warning("calls were cut off after CONNECTOR_GRACE_SECONDS: RabbitMQ will redeliver their messages")
            return 1
        if message != ENDED:
            log.warning("calls were cut off by a second signal: RabbitMQ will redeliver their messages")
            return 1
        ended += 1
    log.info("stopped")
    return 0


def _start(name: str, work: Callable[[], None], notices: SimpleQueue[str]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        except Exception:
            log.exception("a thread failed", extra={"failed": name})
        finally:
            notices.put(ENDED)

    thread = threading.Thread(target=run, daemon=True, name=name)
    thread.start()
    return thread


if __name__ == "__main__":
    sys.exit(main())
