"""The Google Cloud roles allow the program's calls that do not belong to a resource type."""

from __future__ import annotations

import re
from typing import Any

import pytest

from providers.gcp import doctor
from providers.gcp import permissions as gcp
from providers.gcp.services import SERVICES
from providers.permissions import Way, list_actions
from tests.providers.patients import node, place
from tests.providers.rest import Rest

# Services whose operations need a permission to read; those of Artifact Registry need none.
FOLLOWED = ("cloudfunctions", "run", "serviceusage")
ASKED = {
    r"/v1/projects/[^/]+/services\?": "serviceusage.services.list",
    r"/consumerQuotaMetrics/": "serviceusage.quotas.get",
    r"/billingInfo$": "resourcemanager.projects.get",
    r":getEffectiveOrgPolicy$": "orgpolicy.policy.get",
}


@pytest.mark.parametrize("service", FOLLOWED)
def test_who_deploys_may_ask_how_what_takes_long_ended(service: str) -> None:
    up = list_actions(gcp.TABLE, Way.UP)
    assert [each for each in up if each.startswith(f"{service}.") and each.endswith((".create", ".enable"))], up
    assert f"{service}.operations.get" in up


@pytest.mark.parametrize("verb", ["create", "update", "delete"])
def test_who_deploys_may_change_the_rule_in_the_log_that_an_alert_policy_has(verb: str) -> None:
    up = list_actions(gcp.TABLE, Way.UP)
    assert f"monitoring.alertPolicies.{verb}" in up
    assert f"logging.notificationRules.{verb}" in up, "Google answers 403 to a policy that matches log lines"


@pytest.mark.parametrize("way", [Way.DRIFT, Way.UP])
def test_the_doctor_may_ask_what_it_asks(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    services = [{"name": f"x/{each}.googleapis.com"} for each in SERVICES]
    answers: dict[str, Any] = {"/services?": {"services": services}, "": {}}
    rest = Rest(answers)
    monkeypatch.setattr(doctor, "Account", rest)
    assert list(doctor.examine(place(node("alpha", "gcp", "us-central1"), gcp__project="my-project")))
    rights = {right for url in rest.asked for pattern, right in ASKED.items() if re.search(pattern, url)}
    assert rights == set(ASKED.values()), "the doctor asks for something else: say here what it takes"
    assert rights <= set(list_actions(gcp.TABLE, way))


def test_a_preview_may_not_even_look_at_quotas() -> None:
    assert list_actions(gcp.TABLE, Way.PREVIEW) == ["resourcemanager.projects.get", "serviceusage.services.use"]
