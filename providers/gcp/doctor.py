"""Checks a Google Cloud project in one region: credentials, services, billing, public webhooks and quotas.

The services are queried first: this query works without any other enabled service, and its error distinguishes a
missing project from a missing permission. `up` enables services, but does not enable them again if somebody has
disabled them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from providers.findings import Finding, Place, attempt, compare_quota, failed, ok, skipped, warning
from providers.gcp.limits import fit
from providers.gcp.operations import Account
from providers.gcp.services import DEFAULT, SERVICES, list_services
from providers.operations import Refused

_USAGE, _BILLING = "https://serviceusage.googleapis.com", "https://cloudbilling.googleapis.com"
_PROJECTS = "https://cloudresourcemanager.googleapis.com/v1/projects"
_SHARING = "iam.allowedPolicyMemberDomains"
_VARIABLES = ("GOOGLE_PROJECT", "GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT")
_PERMISSION = "the permission serviceusage.quotas.get"
_PUBLIC, _BUILDS = "public webhooks", "quota of Cloud Build"
_OFF = "SERVICE_DISABLED"
# Google may limit a project to these regions, depending on its usage (cloud.google.com/build/docs/locations).
_OPEN = "us-central1, us-west2, europe-west1, asia-east1, australia-southeast1 or southamerica-east1"
_BUILDER_CPUS = 2
_MIB = 2**20


def examine(place: Place) -> Iterator[Finding]:
    """Yield the findings in order. Raises OperationsError if the project cannot be queried at all."""
    project = place.configured("gcp:project") or next(filter(None, map(os.environ.get, _VARIABLES)), None)
    if not project:
        text = "the stack's configuration does not name the project of its nodes."
        yield failed("project", text, "pulumi config set gcp:project PROJECT")
        return
    account = Account(place.configured, place.region)
    try:
        enabled = _read_services(account, project)
    except Refused as error:
        yield _explain_missing_project(error, project)
        return
    yield ok("project", f"{project} exists, and the credentials may read it.")
    yield from _check_services(place, project, enabled)
    yield from attempt("billing", "the permission resourcemanager.projects.get", _check_billing(account, project))
    if enabled["cloudresourcemanager"]:
        findings = _check_public_access(account, place, project)
        yield from attempt(_PUBLIC, "the permission orgpolicy.policy.get", findings)
    if enabled["run"]:
        yield from attempt("quota of Cloud Run, vCPUs", _PERMISSION, _check_jobs(account, place, project))
    if enabled["cloudbuild"] and place.built:
        yield from attempt(_BUILDS, _PERMISSION, _check_builds(account, place, project))


def _read_services(account: Account, project: str) -> dict[str, bool]:
    """Return whether each of SERVICES is enabled."""
    query = {"filter": "state:ENABLED", "pageSize": "200", "fields": "nextPageToken,services/name"}
    enabled: set[str] = set()
    while True:
        url = f"{_USAGE}/v1/projects/{project}/services?{urlencode(query)}"
        page = account.call("list the enabled services", "GET", url, project)
        enabled |= {service["name"].rsplit("/", 1)[-1] for service in page.get("services") or []}
        if not page.get("nextPageToken"):
            return {service: f"{service}.googleapis.com" in enabled for service in SERVICES}
        query["pageToken"] = page["nextPageToken"]


def _explain_missing_project(error: Refused, project: str) -> Finding:
    if error.code == _OFF:
        service = error.facts.get("service", "serviceusage.googleapis.com")
        owner = error.facts.get("consumer", project).removeprefix("projects/")
        text = f"{service}, which is needed to enable services, is disabled in the project {owner}."
        return failed("project", text, f"gcloud services enable {service} --project {owner}")
    text = f"{project} does not exist, or these credentials may not see it: {error}"
    return failed("project", text, f"gcloud projects describe {project}  (then: pulumi config set gcp:project PROJECT)")


def _check_services(place: Place, project: str, states: Mapping[str, bool]) -> Iterator[Finding]:
    needed = (*list_services(place.nodes), *DEFAULT)
    enabled = {service: state for service, state in states.items() if service in needed}
    off = [f"{service}.googleapis.com" for service, state in enabled.items() if not state]
    if not off:
        yield ok("services", f"all {len(enabled)} services that nodes need are enabled.")
        return
    mend = f"gcloud services enable {' '.join(off)} --project {project}"
    disabled = [f"{service}.googleapis.com" for service in DEFAULT if not enabled[service]]
    if place.deployed:
        text = f"services that deployed nodes need are disabled: {', '.join(off)}."
        yield failed("services", text, mend)
    elif disabled:
        names = ", ".join(disabled)
        text = f"services of all new projects are disabled, and `pulumi up` does not enable them: {names}."
        yield failed("services", text, mend)
    else:
        text = (
            f"{len(off)} of {len(enabled)} services that nodes need are disabled; the first `pulumi up` enables them."
        )
        yield warning("services", text, f"pulumi up  (or now: {mend})")


def _check_billing(account: Account, project: str) -> Iterator[Finding]:
    try:
        url = f"{_BILLING}/v1/projects/{project}/billingInfo"
        info = account.call("show the project's billing", "GET", url, project)
    except Refused as error:
        if error.code != _OFF:
            raise
        text = "the Cloud Billing API, which this check needs, is disabled; nodes do not need it."
        yield skipped("billing", text, f"gcloud services enable cloudbilling.googleapis.com --project {project}")
        return
    if info.get("billingEnabled"):
        yield ok("billing", f"paid by {str(info.get('billingAccountName')).rsplit('/', 1)[-1]}.")
    else:
        text = f"{project} has no billing account, which Cloud Run, Cloud Build and Artifact Registry require."
        yield failed("billing", text, f"gcloud billing projects link {project} --billing-account=ACCOUNT")


def _check_public_access(account: Account, place: Place, project: str) -> Iterator[Finding]:
    """Check that the organization allows public access, which webhooks need since Numerai cannot sign its calls.

    Organizations created since May 2024 forbid it by default.
    """
    url, constraint = f"{_PROJECTS}/{project}:getEffectiveOrgPolicy", {"constraint": f"constraints/{_SHARING}"}
    answer = account.call("show the organization's policies", "POST", url, project, constraint)
    policy = answer.get("listPolicy") or {}
    if not (policy.get("allowedValues") or policy.get("deniedValues") or policy.get("allValues") == "DENY"):
        yield ok(_PUBLIC, f"{_SHARING} allows them.")
        return
    text = (
        f"domain restricted sharing ({_SHARING}) forbids public access to functions in {project}, so `up` would fail "
        "when it makes a webhook public."
    )
    mend = (
        f"gcloud org-policies describe {_SHARING} --effective --project {project}  "
        "(to lift it: docs/first-deployment-gcp.md#quotas)"
    )
    # The policy does not affect functions that were public before it.
    deployed = all(node.name in place.deployed for node in place.nodes)
    yield warning(_PUBLIC, text, mend) if deployed else failed(_PUBLIC, text, mend)


def _check_jobs(account: Account, place: Place, project: str) -> Iterator[Finding]:
    fits = {node.name: fit(node) for node in place.running}
    if not fits:
        return
    vcpus = {name: machine.vcpu for name, machine in fits.items()}
    memory = {name: machine.memory / 1024 for name, machine in fits.items()}
    for what, metric, id_, unit, needs in (
        ("vCPUs", "cpu_allocation", "CpuAllocPerProjectRegion", 1000, vcpus),
        ("GiB of memory", "mem_allocation", "MemAllocPerProjectRegion", 1024 * _MIB, memory),
    ):
        check = f"quota of Cloud Run, {what.rsplit(' ', 1)[-1]}"
        limit = _read_limit(account, place, project, "run", metric)
        if limit is None:
            yield ok(check, f"no limit in {place.region}.")
            continue
        mend = (
            f"gcloud beta quotas preferences create --service=run.googleapis.com --quota-id={id_} "
            f"--dimensions=region={place.region} --preferred-value={round(sum(needs.values()) * unit)} "
            f"--project={project} --email=YOUR-ADDRESS"
        )
        yield compare_quota(check, f"{what} may run in {place.region}", limit / unit, needs, mend, late="fail")


def _check_builds(account: Account, place: Place, project: str) -> Iterator[Finding]:
    limit = _read_limit(account, place, project, "cloudbuild", "concurrent_public_pool_build_cpus")
    if limit is not None and limit < _BUILDER_CPUS:
        text = (
            f"this project may not run builds in {place.region}; every project may use {_OPEN}, and Google opens other "
            "regions on request."
        )
        yield failed(_BUILDS, text, "region: us-central1  (of the node, in nodes.yaml; or build: {docker: true})")
    else:
        yield ok(_BUILDS, "builds may run." if limit is None else f"builds may use {limit} CPUs at once.")


def _read_limit(account: Account, place: Place, project: str, service: str, metric: str) -> int | None:
    """Return the region's limit in the unit of the metric, or None if there is no limit."""
    host = f"{service}.googleapis.com"
    name = f"projects/{project}/services/{host}/consumerQuotaMetrics/{quote(f'{host}/{metric}', safe='')}"
    quota: dict[str, Any] = account.call("show a quota", "GET", f"{_USAGE}/v1beta1/{name}?view=FULL", project)
    limits = [
        int(bucket["effectiveLimit"])
        for limit in quota.get("consumerQuotaLimits") or []
        for bucket in _select_buckets(limit.get("quotaBuckets") or [], place.region)
    ]
    finite = [limit for limit in limits if limit >= 0]  # -1 means no limit
    return min(finite) if finite else None


def _select_buckets(buckets: list[dict[str, Any]], region: str) -> list[dict[str, Any]]:
    """Return the region's bucket or, if there is none, the bucket for all other regions."""
    own = [bucket for bucket in buckets if (bucket.get("dimensions") or {}).get("region") == region]
    return own or [bucket for bucket in buckets if not bucket.get("dimensions")]
