"""The current state of the functions: their health and request counts."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import requests
from prometheus_client.parser import text_string_to_metric_families

from local.web import answers, call

TIMEOUT_SECONDS = 2.0
COUNTER = "http_requests_total"


@dataclass(frozen=True)
class Function:
    """One function: whether it is healthy, and how many requests it has served."""

    name: str
    healthy: bool
    requests: int


def observe(urls: dict[str, str], token: str) -> list[Function]:
    """Query all functions in parallel."""
    with ThreadPoolExecutor(max_workers=len(urls) or 1) as pool:
        return list(pool.map(lambda name: _observe(name, urls[name], token), urls))


def _observe(name: str, url: str, token: str) -> Function:
    healthy = answers(f"{url}/_/health", TIMEOUT_SECONDS)
    return Function(name, healthy, _requests(url, token) if healthy else 0)


def _requests(url: str, token: str) -> int:
    try:
        answer = call(
            "GET", f"{url}/_/metrics", timeout_seconds=TIMEOUT_SECONDS, headers={"Authorization": f"Bearer {token}"}
        )
        answer.raise_for_status()
    except requests.RequestException:
        return 0
    families = text_string_to_metric_families(answer.text)
    return round(sum(sample.value for family in families for sample in family.samples if sample.name == COUNTER))
