"""Each alert fires for its fault, and stays silent for similar but harmless events; checked by promtool."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from functions.jobs import watcher
from local import stack_file
from tests.observability import files
from tests.tools import prometheus

TIMEOUT_SECONDS = 60
LOOK_AT = "80m"
# As many uploads as one instance lets wait.
WAITS = int(stack_file.functions()["upload"]["environment"]["THREADS"]) // 4
SWEPT = {'mp3converter_jobs{state="ready"}': "0x120"}


def transitions(**rates: str) -> dict[str, str]:
    """Return the series of these transitions."""
    return {f'mp3converter_transitions_total{{transition="{name}"}}': values for name, values in rates.items()}


def requests(errors: int) -> dict[str, str]:
    """Return the series of a function with this many errors in a hundred requests per minute."""
    return {
        'http_requests_total{function="upload",status="202"}': f"0+{100 - errors}x120",
        'http_requests_total{function="upload",status="503"}': f"0+{errors}x120",
        'http_requests_total{function="login",status="401"}': "0+100x120",
    }


def waits(function: str, seconds: int, interactive: str = "true") -> dict[str, str]:
    """Return the series of a function with one in ten requests slower than 1 s, up to this long."""
    name = f'http_request_duration_seconds_bucket{{function="{function}",interactive="{interactive}",le='
    bounds = (1, 2.5, 5, 10)
    return {
        **{f'{name}"{bound}"}}': f"0+{100 if bound >= seconds else 90}x120" for bound in bounds},
        f'{name}"+Inf"}}': "0+100x120",
    }


def conversions(done: str, failed: str) -> dict[str, str]:
    """Return the series of conversions by outcome."""
    name = "mp3converter_conversion_duration_seconds_count"
    return {f'{name}{{outcome="done"}}': done, f'{name}{{outcome="failed"}}': failed}


FIRE = {
    "Mp3converterErrors": [requests(errors=10)],
    "Mp3converterSlow": [waits("login", seconds=5), waits("download", seconds=10)],
    "Mp3converterJobsWait": [{'mp3converter_oldest_job_seconds{state="ready"}': "0+60x120"}],
    "Mp3converterMailsWait": [{'mp3converter_oldest_mail_seconds{state="none"}': "0+60x120"}],
    "Mp3converterGivesUp": [
        {'mp3converter_conversion_failures_total{code="gave_up"}': "0x70 1x50"},
        transitions(give_up="0x70 1x50"),
    ],
    "Mp3converterConversionsFail": [conversions(done="0x120", failed="0+1x120")],
    "Mp3converterConvertersDie": [transitions(expire="0x70 5x50")],
    "Mp3converterMailsFail": [
        transitions(claim_mail="0+10x120", mail_sent="0+7x120", **{name: "0+3x120"})
        for name in ("refuse_mail", "give_up_mail", "mail_unknown", "lose_mail")
    ],
    "Mp3converterWebhooksFail": [
        transitions(claim_webhook="0+10x120", webhook_sent="0+1x120", **{name: "0+9x120"})
        for name in ("postpone_webhook", "refuse_webhook", "give_up_webhook")
    ],
    "Mp3converterOpenRequests": [
        {'mp3converter_open_requests{wait="events"}': f"{watcher.MOST}x120"},
        {'mp3converter_open_requests{wait="end"}': f"{WAITS}x120"},
    ],
    "Mp3converterEventsNotSent": [{'mp3converter_events_total{outcome="failed"}': "0+1x120"}],
    "Mp3converterSweepSilent": [{'mp3converter_jobs{state="ready"}': "0x60"}],
    "Mp3converterSweepStuck": [{'mp3converter_sweep_troubles_total{trouble="not_mended"}': "0+2x120"}],
    "Mp3converterDeadLetters": [{'rabbitmq_detailed_queue_messages{queue="mp3s.dead"}': "0x60 1x60"}],
}
SILENT = {
    "a few errors": requests(errors=4),
    "past errors": {'http_requests_total{function="upload",status="503"}': "0+10x70 700x50"},
    "fast responses": waits("login", seconds=1),
    "a slow upload": waits("upload", seconds=10, interactive=""),
    "a job that waits briefly": {'mp3converter_oldest_job_seconds{state="ready"}': "600x120"},
    "a long upload": {'mp3converter_oldest_job_seconds{state="receiving"}': "0+60x120"},
    "a mail that waits briefly": {'mp3converter_oldest_mail_seconds{state="none"}': "1200x120"},
    "a mail with an unknown outcome": {'mp3converter_oldest_mail_seconds{state="unknown"}': "0+60x120"},
    "a damaged file": {'mp3converter_conversion_failures_total{code="undecodable"}': "0x70 1x50"},
    "a postponed conversion": transitions(postpone="0x70 1x50"),
    "a few failures": conversions(done="0x120", failed="0x60 8x60"),
    "failures among many": conversions(done="0+9x120", failed="0+1x120"),
    "a crashed converter": transitions(expire="0x70 1x50"),
    "an address that does not exist": transitions(claim_mail="0+10x120", mail_sent="0+9x120", refuse_mail="0+1x120"),
    "a receiver that is down": transitions(claim_webhook="0+0.5x120", postpone_webhook="0+0.5x120"),
    "receivers that are down": transitions(claim_webhook="0+9x120", webhook_sent="0+3x120", postpone_webhook="0+6x120"),
    "webhooks that nobody wants": transitions(decline_webhook="0+10x120"),
    "many streams": {'mp3converter_open_requests{wait="events"}': f"{watcher.MOST // 2}x120"},
    "many waits": {'mp3converter_open_requests{wait="end"}': f"{WAITS // 2}x120"},
    "full for a moment": {'mp3converter_open_requests{wait="events"}': f"0x75 {watcher.MOST}x45"},
    "events": {'mp3converter_events_total{outcome="published"}': "0+9x120"},
    "a job that was not repaired at once": {'mp3converter_sweep_troubles_total{trouble="not_mended"}': "0x70 2x50"},
    "a long queue": {'rabbitmq_detailed_queue_messages{queue="videos"}': "900x120"},
}


@pytest.fixture(scope="module")
def promtool() -> Path:
    """The program, unpacked if necessary."""
    try:
        return prometheus.program("promtool")
    except prometheus.NotFound as error:
        pytest.fail(str(error))


def succeeds(*command: object) -> None:
    """Run a command that must succeed."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=TIMEOUT_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules(promtool: Path) -> None:
    succeeds(promtool, "check", "rules", files.ALERTS)


def test_promtool_accepts_the_configuration(promtool: Path, tmp_path: Path) -> None:
    """Everything except the discovery of pods: Debian builds Prometheus without Kubernetes."""
    configuration = yaml.safe_load(files.CONFIGURATION.read_text())
    for job in configuration["scrape_configs"]:
        assert [found["role"] for found in job.pop("kubernetes_sd_configs")] == ["pod"]
    path = tmp_path / "prometheus.yaml"
    path.write_text(yaml.safe_dump(configuration))
    succeeds(promtool, "check", "config", "--syntax-only", path)


def test_every_alert_has_a_case() -> None:
    assert set(FIRE) == set(files.alerts())


def test_every_alert_has_a_summary_and_an_action() -> None:
    for name, rule in files.alerts().items():
        assert set(rule["annotations"]) == {"summary", "action"}, name
        assert rule["labels"]["severity"] in {"warning", "critical"}, name


CASES = [(name, number, series) for name, cases in FIRE.items() for number, series in enumerate(cases)]


@pytest.mark.parametrize(("name", "number", "series"), CASES, ids=[f"{name}-{number}" for name, number, _ in CASES])
def test_an_alert_fires(name: str, number: int, series: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    """It fires, and no other one does."""
    succeeds(promtool, "test", "rules", written(series, {name}, tmp_path))


@pytest.mark.parametrize("series", SILENT.values(), ids=SILENT.keys())
def test_no_alert_fires(series: dict[str, str], promtool: Path, tmp_path: Path) -> None:
    """Everyday events must not raise an alert."""
    succeeds(promtool, "test", "rules", written(series, set(), tmp_path))


def test_a_wrong_expectation_fails(promtool: Path, tmp_path: Path) -> None:
    """The test method detects an alert that does not fire, and one that does."""
    for series, names in ((SILENT["events"], {"Mp3converterErrors"}), (requests(errors=10), set[str]())):
        with pytest.raises(AssertionError):
            succeeds(promtool, "test", "rules", written(series, names, tmp_path))


def written(series: dict[str, str], firing: set[str], folder: Path) -> Path:
    """Write promtool's test file: the series, and the alerts that must fire."""
    test = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in (SWEPT | series).items()],
        "promql_expr_test": [
            {
                "expr": 'count by (alertname) (ALERTS{alertstate="firing"}) > 0',
                "eval_time": LOOK_AT,
                "exp_samples": [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(firing)],
            }
        ],
    }
    path = folder / "test.yaml"
    content = {"rule_files": [str(files.ALERTS)], "evaluation_interval": "1m", "tests": [test]}
    path.write_text(yaml.safe_dump(content))
    return path
