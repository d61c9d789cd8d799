"""The doctor's findings on a Google Cloud project, with faked answers of its REST APIs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nodefile.model import Alerts, Watch
from providers.findings import Finding, Level, Place
from providers.gcp import doctor as gcp
from providers.gcp.services import DEFAULT, SERVICES
from providers.operations import Refused
from tests.providers.patients import levels, node, only, place
from tests.providers.rest import Rest

REGION = "us-central1"
Examined = Callable[..., list[Finding]]


def here(*names: str, deployed: bool = True, **changes: Any) -> Place:
    nodes = [node(name, "gcp", REGION, **changes) for name in names or ("alpha",)]
    return place(*nodes, deployed=deployed, gcp__project="my-project")


def quota(limit: int, region: str | None = None) -> dict[str, Any]:
    """Return a quota in Service Usage's form: numbers as text, and the region's bucket next to the default one."""
    buckets: list[dict[str, Any]] = [{"effectiveLimit": str(limit if region is None else 10**9)}]
    if region:
        buckets.append({"effectiveLimit": str(limit), "dimensions": {"region": region}})
    return {"consumerQuotaLimits": [{"unit": "1/min/{project}/{region}", "quotaBuckets": buckets}]}


@pytest.fixture
def examined(monkeypatch: pytest.MonkeyPatch) -> Examined:
    for name in ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT"):
        monkeypatch.delenv(name, raising=False)

    def examine(at: Place, off: tuple[str, ...] = (), **answers: Any) -> list[Finding]:
        on = [{"name": f"projects/1/services/{each}.googleapis.com"} for each in SERVICES if each not in off]
        known = {
            "/services?": {"services": on},
            "billingInfo": {"billingEnabled": True, "billingAccountName": "billingAccounts/0X0X0X-0X0X0X-0X0X0X"},
            "getEffectiveOrgPolicy": {"listPolicy": {"allValues": "ALLOW"}},
            "cpu_allocation": quota(20_000),
            "mem_allocation": quota(40 * 2**30),
            "public_pool": quota(10),
        }
        rest = Rest({**{part: answers.pop(part, answer) for part, answer in known.items()}, **answers})
        monkeypatch.setattr(gcp, "Account", rest)
        found = list(gcp.examine(at))
        examine.asked = rest.asked  # type: ignore[attr-defined]
        return found

    return examine


def test_a_project_with_everything_is_well(examined: Examined) -> None:
    found = examined(here("alpha", "beta"))
    assert set(levels(found).values()) == {Level.OK}
    assert only(found, "quota of Cloud Run, vCPUs").text == (
        "20 vCPUs may run in us-central1; all nodes together need 4."
    )


def test_no_project_is_named(examined: Examined) -> None:
    (found,) = examined(place(node("alpha", "gcp", REGION)))
    assert (found.level, found.mend) == (Level.FAILED, "pulumi config set gcp:project PROJECT")


def test_a_project_that_is_not_there(examined: Examined) -> None:
    (found,) = examined(here(), **{"/services?": Refused("Google Cloud refused: HTTP 403.", "PERMISSION_DENIED")})
    assert (found.level, found.check) == (Level.FAILED, "project")
    assert found.mend.startswith("gcloud projects describe my-project")


def test_service_usage_itself_is_off_in_the_project_that_google_names(examined: Examined) -> None:
    facts = {"service": "serviceusage.googleapis.com", "consumer": "projects/4711"}
    (found,) = examined(here(), **{"/services?": Refused("off", "SERVICE_DISABLED", facts)})
    assert found.mend == "gcloud services enable serviceusage.googleapis.com --project 4711"


def test_services_that_are_off_fail_once_nodes_are_deployed(examined: Examined) -> None:
    found = only(examined(here(), off=("run", "cloudbuild")), "services")
    assert found.level is Level.FAILED
    assert found.mend == "gcloud services enable cloudbuild.googleapis.com run.googleapis.com --project my-project"


def test_the_scheduler_may_be_off_until_a_node_has_a_schedule_or_is_watched(examined: Examined) -> None:
    unwatched = here(watch=Watch(enabled=False))
    assert only(examined(unwatched, off=("cloudscheduler",)), "services").level is Level.OK
    assert only(examined(here(), off=("cloudscheduler",)), "services").level is Level.FAILED


def test_monitoring_may_be_off_until_a_node_has_an_e_mail_address(examined: Examined) -> None:
    assert only(examined(here(), off=("monitoring",)), "services").level is Level.OK
    told = here(alerts=Alerts(email="me@example.com"))
    assert only(examined(told, off=("monitoring",)), "services").level is Level.FAILED


def test_services_that_are_off_before_the_first_up_are_switched_on_by_it(examined: Examined) -> None:
    found = examined(here(deployed=False), off=tuple(each for each in SERVICES if each not in DEFAULT))
    assert only(found, "services").level is Level.WARNING
    assert only(found, "services").mend.startswith("pulumi up")
    assert not [check for check in levels(found) if check.startswith("quota")], "a service that is off has no quotas"


def test_services_that_up_does_not_switch_on_are_told_before_the_first_up(examined: Examined) -> None:
    found = only(examined(here(deployed=False), off=("run", "storage")), "services")
    assert found.level is Level.FAILED
    assert "`pulumi up` does not enable them: storage.googleapis.com" in found.text
    assert found.mend == "gcloud services enable run.googleapis.com storage.googleapis.com --project my-project"


def test_more_services_than_a_page_holds(examined: Examined, monkeypatch: pytest.MonkeyPatch) -> None:
    rest = Rest(
        {
            "pageToken=more": {"services": [{"name": f"x/{each}.googleapis.com"} for each in SERVICES[5:]]},
            "/services?": {
                "services": [{"name": f"x/{each}.googleapis.com"} for each in SERVICES[:5]],
                "nextPageToken": "more",
            },
            "": Refused("no", "PERMISSION_DENIED"),
        }
    )
    monkeypatch.setattr(gcp, "Account", rest)
    assert only(list(gcp.examine(here())), "services").level is Level.OK


def test_a_project_without_billing(examined: Examined) -> None:
    found = only(examined(here(), billingInfo={"billingEnabled": False}), "billing")
    assert found.level is Level.FAILED
    assert found.mend == "gcloud billing projects link my-project --billing-account=ACCOUNT"


def test_billing_that_may_not_be_asked_is_no_failure(examined: Examined) -> None:
    for code in ("SERVICE_DISABLED", "PERMISSION_DENIED"):
        found = only(examined(here(), billingInfo=Refused("no.", code)), "billing")
        assert found.level is Level.SKIPPED


@pytest.mark.parametrize(
    "rule", [{"allowedValues": ["C0abc"]}, {"deniedValues": ["C0abc"]}, {"allValues": "DENY"}], ids=str
)
def test_an_organization_that_forbids_public_webhooks(examined: Examined, rule: dict[str, Any]) -> None:
    rest = {"getEffectiveOrgPolicy": {"constraint": "constraints/iam.allowedPolicyMemberDomains", "listPolicy": rule}}
    found = only(examined(here(deployed=False), **rest), "public webhooks")
    assert found.level is Level.FAILED
    assert "so `up` would fail" in found.text
    assert found.mend.startswith(
        "gcloud org-policies describe iam.allowedPolicyMemberDomains --effective --project my-"
    )
    # Functions that are already public stay public.
    assert only(examined(here(), **rest), "public webhooks").level is Level.WARNING


def test_an_organization_s_rule_that_may_not_be_asked_is_no_failure(examined: Examined) -> None:
    refused = {"getEffectiveOrgPolicy": Refused("no.", "PERMISSION_DENIED")}
    found = only(examined(here(), **refused), "public webhooks")
    assert found.level == Level.SKIPPED, found.text
    assert "orgpolicy.policy.get" in found.text
    found_off = examined(here(), off=("cloudresourcemanager",))
    assert "public webhooks" not in levels(found_off), "a service that is off cannot be asked"


def test_too_few_vcpus_in_the_region(examined: Examined) -> None:
    found = only(examined(here("alpha", "beta"), cpu_allocation=quota(3000, REGION)), "quota of Cloud Run, vCPUs")
    assert found.level is Level.WARNING
    assert "--quota-id=CpuAllocPerProjectRegion --dimensions=region=us-central1 --preferred-value=4000" in found.mend
    found = only(examined(here("alpha"), cpu_allocation=quota(1000, REGION)), "quota of Cloud Run, vCPUs")
    assert found.level is Level.FAILED
    assert "alpha would need more and could never start" in found.text


def test_too_little_memory_in_the_region(examined: Examined) -> None:
    found = only(examined(here(), mem_allocation=quota(4 * 2**30)), "quota of Cloud Run, memory")
    assert found.level is Level.FAILED
    assert f"--preferred-value={8 * 2**30}" in found.mend


def test_another_region_s_limit_and_none_at_all_count_for_nothing(examined: Examined) -> None:
    assert only(examined(here(), cpu_allocation=quota(0, "asia-east1")), "quota of Cloud Run, vCPUs").level is Level.OK
    found = only(examined(here(), cpu_allocation=quota(-1)), "quota of Cloud Run, vCPUs")
    assert found.text == "no limit in us-central1."


def test_a_region_where_the_project_may_not_build(examined: Examined) -> None:
    found = only(examined(here(), public_pool=quota(0, REGION)), "quota of Cloud Build")
    assert found.level is Level.FAILED
    assert "europe-west1" in found.text
    assert "region:" in found.mend
    assert "quota of Cloud Build" not in levels(examined(here(build={"docker": True}), public_pool=quota(0)))


def test_quotas_that_may_not_be_asked_are_no_failure(examined: Examined) -> None:
    refused = Refused("Google Cloud refused to tell a quota.", "PERMISSION_DENIED")
    found = examined(here(), cpu_allocation=refused, public_pool=refused)
    assert only(found, "quota of Cloud Run, vCPUs").level is Level.SKIPPED
    assert only(found, "quota of Cloud Build").text.endswith("The query needs the permission serviceusage.quotas.get.")
