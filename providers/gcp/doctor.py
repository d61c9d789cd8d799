"""A Google Cloud project in one region: a token, the project, its services and billing, whether its organization lets
anybody call a webhook, and the quotas of new projects.

The project's services are asked first: that answer needs no other service to be on, and tells a project that is not
there from one that may not be seen. `up` switches services on by itself, but not again when somebody has switched one
off after it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from providers.findings import Finding, Place, asked_in_vain, compare_quota, failed, ok, skipped, warning
from providers.gcp.limits import fit
from providers.gcp.operations import Account
from providers.gcp.services import SERVICES
from providers.operations import Refused

_USAGE, _BILLING = "https://serviceusage.googleapis.com", "https://cloudbilling.googleapis.com"
_PROJECTS = "https://cloudresourcemanager.googleapis.com/v1/projects"
_SHARING = "iam.allowedPolicyMemberDomains"
_VARIABLES = ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")
_RIGHT = "the right serviceusage.quotas.get"
_OFF = "SERVICE_DISABLED"
# A project may be held to these by its use (cloud.google.com/build/docs/locations).
_OPEN = "us-central1, us-west2, europe-west1, asia-east1, australia-southeast1 or southamerica-east1"
_BUILDER_CPUS = 2
_MIB = 2**20


def examine(place: Place) -> Iterator[Finding]:
    """The findings in order. Raises OperationsError where the project cannot be asked at all."""
    project = place.configured("gcp:project") or next(filter(None, map(os.environ.get, _VARIABLES)), None)
    if not project:
        text = "the stack does not say in which project its nodes live."
        yield failed("project", text, "pulumi config set gcp:project PROJECT")
        return
    account = Account(place.configured, place.region)
    try:
        on = _services(account, project)
    except Refused as error:
        yield _no_project(error, project)
        return
    yield ok("project", f"{project} is there, and the credentials may ask about it.")
    yield from _switched_on(place, project, on)
    yield from _billing(account, project)
    if on["cloudresourcemanager"]:
        yield from _public(account, place, project)
    if on["run"]:
        yield from _jobs(account, place, project)
    if on["cloudbuild"] and place.built:
        yield from _builds(account, place, project)


def _services(account: Account, project: str) -> dict[str, bool]:
    """Whether each of SERVICES is on."""
    wanted = {"filter": "state:ENABLED", "pageSize": "200", "fields": "nextPageToken,services/name"}
    on: set[str] = set()
    while True:
        url = f"{_USAGE}/v1/projects/{project}/services?{urlencode(wanted)}"
        page = account.call("tell which services are on", "GET", url, project)
        on |= {each["name"].rsplit("/", 1)[-1] for each in page.get("services") or []}
        if not page.get("nextPageToken"):
            return {service: f"{service}.googleapis.com" in on for service in SERVICES}
        wanted["pageToken"] = page["nextPageToken"]


def _no_project(error: Refused, project: str) -> Finding:
    if error.code == _OFF:
        service = error.facts.get("service", "serviceusage.googleapis.com")
        owner = error.facts.get("consumer", project).removeprefix("projects/")
        text = f"{service}, by which services are switched on, is off in the project {owner}."
        return failed("project", text, f"gcloud services enable {service} --project {owner}")
    text = f"{project} is not there, or these credentials may not see it: {error}"
    return failed("project", text, f"gcloud projects describe {project}  (then: pulumi config set gcp:project PROJECT)")


def _switched_on(place: Place, project: str, on: Mapping[str, bool]) -> Iterator[Finding]:
    off = [f"{service}.googleapis.com" for service, state in on.items() if not state]
    if not off:
        yield ok("services", f"all {len(on)} services that nodes need are on.")
        return
    mend = f"gcloud services enable {' '.join(off)} --project {project}"
    if place.deployed:
        text = f"{', '.join(off)} {'is' if len(off) == 1 else 'are'} off, and deployed nodes need {_them(off)}."
        yield failed("services", text, mend)
    else:
        text = f"{len(off)} of {len(on)} services that nodes need are off; the first `pulumi up` switches them on."
        yield warning("services", text, f"pulumi up  (or now: {mend})")


def _them(off: list[str]) -> str:
    return "it" if len(off) == 1 else "them"


def _billing(account: Account, project: str) -> Iterator[Finding]:
    try:
        url = f"{_BILLING}/v1/projects/{project}/billingInfo"
        found = account.call("tell whether the project has billing", "GET", url, project)
    except Refused as error:
        if error.code == _OFF:
            text = "the Cloud Billing API, which would tell, is off; nodes do not need it."
            yield skipped("billing", text, f"gcloud services enable cloudbilling.googleapis.com --project {project}")
        else:
            yield asked_in_vain("billing", error, "the right resourcemanager.projects.get")
        return
    if found.get("billingEnabled"):
        yield ok("billing", f"paid by {str(found.get('billingAccountName')).rsplit('/', 1)[-1]}.")
    else:
        text = f"{project} has no billing account; Cloud Run, Cloud Build and Artifact Registry refuse to work without."
        yield failed("billing", text, f"gcloud billing projects link {project} --billing-account=ACCOUNT")


def _public(account: Account, place: Place, project: str) -> Iterator[Finding]:
    """Numerai cannot sign its calls; a rule that organizations have by default since May 2024 forbids public doors."""
    check, url = "public webhooks", f"{_PROJECTS}/{project}:getEffectiveOrgPolicy"
    try:
        found = account.call(
            "tell the organization's rules", "POST", url, project, {"constraint": f"constraints/{_SHARING}"}
        )
    except Refused as error:
        yield asked_in_vain(check, error, "the right orgpolicy.policy.get")
        return
    rule = found.get("listPolicy") or {}
    if not (rule.get("allowedValues") or rule.get("deniedValues") or rule.get("allValues") == "DENY"):
        yield ok(check, f"{_SHARING} forbids none.")
        return
    text = (
        f"domain restricted sharing ({_SHARING}) lets nobody outside of the organization call what runs in {project}, "
        "so `up` would fail when it makes a webhook public."
    )
    mend = (
        f"gcloud org-policies describe {_SHARING} --effective --project {project}  "
        "(how it is lifted: docs/first-deployment-gcp.md#quotas)"
    )
    # The rule does not touch what was public before it.
    made = all(node.name in place.deployed for node in place.nodes)
    yield warning(check, text, mend) if made else failed(check, text, mend)


def _jobs(account: Account, place: Place, project: str) -> Iterator[Finding]:
    fits = {node.name: fit(node) for node in place.running}
    if not fits:
        return
    vcpus = {name: float(one.cpu) for name, one in fits.items()}
    memory = {name: one.memory / 1024 for name, one in fits.items()}
    for what, metric, id_, unit, needs in (
        ("vCPUs", "cpu_allocation", "CpuAllocPerProjectRegion", 1000, vcpus),
        ("GiB of memory", "mem_allocation", "MemAllocPerProjectRegion", 1024 * _MIB, memory),
    ):
        check = f"quota of Cloud Run, {what.rsplit(' ', 1)[-1]}"
        try:
            limit = _limit(account, place, project, "run", metric)
        except Refused as error:
            yield asked_in_vain(check, error, _RIGHT)
            return
        if limit is None:
            yield ok(check, f"no limit in {place.region}.")
            continue
        mend = (
            f"gcloud beta quotas preferences create --service=run.googleapis.com --quota-id={id_} "
            f"--dimensions=region={place.region} --preferred-value={round(sum(needs.values()) * unit)} "
            f"--project={project} --email=YOUR-ADDRESS"
        )
        yield compare_quota(check, f"{what} may run in {place.region}", limit / unit, needs, mend, late="fail")


def _builds(account: Account, place: Place, project: str) -> Iterator[Finding]:
    check = "quota of Cloud Build"
    try:
        limit = _limit(account, place, project, "cloudbuild", "concurrent_public_pool_build_cpus")
    except Refused as error:
        yield asked_in_vain(check, error, _RIGHT)
        return
    if limit is not None and limit < _BUILDER_CPUS:
        text = (
            f"this project may run no builds in {place.region}; Google opens {_OPEN} to every project, and others on "
            "request."
        )
        yield failed(check, text, "region: us-central1  (of the node, in nodes.yaml; or build: {docker: true})")
    else:
        yield ok(check, "builds may run." if limit is None else f"builds may use {limit} CPUs at once.")


def _limit(account: Account, place: Place, project: str, service: str, metric: str) -> int | None:
    """The limit in the region, in the metric's own unit; None for no limit."""
    host = f"{service}.googleapis.com"
    name = f"projects/{project}/services/{host}/consumerQuotaMetrics/{quote(f'{host}/{metric}', safe='')}"
    found: dict[str, Any] = account.call("tell a quota", "GET", f"{_USAGE}/v1beta1/{name}?view=FULL", project)
    limits = [
        int(bucket["effectiveLimit"])
        for each in found.get("consumerQuotaLimits") or []
        for bucket in _nearest(each.get("quotaBuckets") or [], place.region)
    ]
    real = [limit for limit in limits if limit >= 0]  # -1 is no limit
    return min(real) if real else None


def _nearest(buckets: list[dict[str, Any]], region: str) -> list[dict[str, Any]]:
    """The bucket of the region, else the one for all that have none of their own."""
    own = [each for each in buckets if (each.get("dimensions") or {}).get("region") == region]
    return own or [each for each in buckets if not each.get("dimensions")]
