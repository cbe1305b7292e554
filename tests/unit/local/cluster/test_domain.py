"""The domain of the functions' own URLs: which one, and what else in Knative's config-domain stays as it is."""

from __future__ import annotations

import pytest

from local.cluster import domain
from local.problem import Problem

OTHERS = "selector:\n  app: nonprofit\n"
EXAMPLE = "example.com: |\nexample.org: |\n  selector:\n    app: nonprofit\n"


@pytest.mark.parametrize(
    ("config", "found"),
    [
        ({}, ""),
        ({"_example": EXAMPLE}, ""),
        ({"svc.cluster.local": ""}, ""),
        ({"example.org": OTHERS}, ""),
        ({"example.com": ""}, "example.com"),
        ({"b.example.com": "", "a.example.com": ""}, "a.example.com"),
        ({"a.example.com": "", "mp3.example.com": domain.RULE, "example.org": OTHERS}, "mp3.example.com"),
        ({"example.com": "type: wildcard"}, "example.com"),
    ],
)
def test_the_domain_that_knative_gives_our_services(config: dict[str, str], found: str) -> None:
    assert domain.existing(config) == found


@pytest.mark.parametrize(
    ("config", "changed"),
    [
        ({}, {"mp3.example.com": domain.RULE}),
        ({"_example": EXAMPLE, "example.com": "", "example.org": OTHERS}, {"mp3.example.com": domain.RULE}),
        ({"old.example.com": domain.RULE}, {"old.example.com": None, "mp3.example.com": domain.RULE}),
        ({"mp3.example.com": domain.RULE}, {}),
        ({"mp3.example.com": ""}, {}),
        ({"mp3.example.com": "", "old.example.com": domain.RULE}, {"old.example.com": None}),
    ],
)
def test_only_our_services_get_another_domain(config: dict[str, str], changed: dict[str, str | None]) -> None:
    assert domain.changes(config, "mp3.example.com") == changed


def test_a_domain_of_other_services_is_refused() -> None:
    with pytest.raises(Problem, match=r"gives example\.org to other Services\. Choose another --domain"):
        domain.changes({"example.org": OTHERS}, "example.org")
