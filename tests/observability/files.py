"""The files in knative/observability: the rules, the dashboard, and their queries."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parents[2] / "knative" / "observability"
ALERTS = FOLDER / "alerts.yaml"
CONFIGURATION = FOLDER / "prometheus.yaml"
DASHBOARD = FOLDER / "dashboard.json"

_SELECTOR = re.compile(r"\b(?:http|mp3converter|process|rabbitmq)_\w+(?:\{[^}]*\})?")


def alerts() -> dict[str, dict[str, Any]]:
    """Return the alerts by name."""
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"]}


def scraped(job: str) -> dict[str, Any]:
    """Return a job in prometheus.yaml."""
    (found,) = (each for each in yaml.safe_load(CONFIGURATION.read_text())["scrape_configs"] if each["job_name"] == job)
    return dict(found)


def panels() -> list[dict[str, Any]]:
    """Return the dashboard's panels that have queries."""
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"] if panel["type"] != "row"]


def shown() -> dict[str, str]:
    """Return the dashboard's queries by panel and letter, with a fixed interval instead of Grafana's variable."""
    return {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "10m")
        for panel in panels()
        for target in panel["targets"]
    }


def selectors(query: str) -> list[str]:
    """Return every selector in a query: a metric and its label matchers."""
    return _SELECTOR.findall(query)
