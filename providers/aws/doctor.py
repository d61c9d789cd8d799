"""Checks an AWS account in one region: the credentials, and the quotas that are often too low in new accounts.

A job that needs more vCPUs than Fargate's quota waits in RUNNABLE for ever. A new account may start with a quota of
zero CodeBuild builds, or of ten concurrent Lambda calls.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from providers.aws.limits import EC2, MAX_CPU, fit
from providers.aws.operations import Account, translate_errors
from providers.findings import Finding, Level, Place, attempt, compare_quota, failed, ok, warning
from providers.operations import Refused

_BUILDS = "Concurrently running builds for Linux/Small environment"
_MOST_QUEUED = 5  # queued builds per build that may run
_LAMBDA, _CODEBUILD = "quota of Lambda", "quota of CodeBuild"


def examine(place: Place) -> Iterator[Finding]:
    """Yield the findings in order. Raises OperationsError if the account cannot be queried at all."""
    account = Account(place.configured, place.region)
    with translate_errors("identify the credentials"):
        caller = account.client("sts").get_caller_identity()
    credentials = _check_account(place, str(caller["Account"]), str(caller["Arn"]))
    yield credentials
    if credentials.level is Level.FAILED:
        return
    fargate = {node.name: fit(node).vcpu for node in place.running if fit(node).platform != EC2}
    # Each run gets a separate machine, and all machines have the same size.
    machines = {node.name: float(MAX_CPU) for node in place.running if fit(node).platform == EC2}
    for check, what, needs, service, code in (
        ("quota of Fargate", "vCPUs at once on Fargate", fargate, "fargate", "L-3032A538"),
        ("quota of EC2", "vCPUs at once on EC2 machines", machines, "ec2", "L-1216C47A"),
    ):
        if needs:
            limit = _check_vcpus(account, place, check, what, needs, service, code)
            yield from attempt(check, "the permission servicequotas:GetServiceQuota", limit)
    yield from attempt(_LAMBDA, "the permission lambda:GetAccountSettings", _check_lambda(account, place))
    yield from attempt(_CODEBUILD, "the permission servicequotas:ListServiceQuotas", _check_builds(account, place))


def _check_account(place: Place, number: str, arn: str) -> Finding:
    allowed = str(place.configured("aws:allowedAccountIds") or "")
    if allowed and number not in allowed:
        text = f"these credentials belong to the account {number}, which aws:allowedAccountIds does not list."
        return failed("credentials", text, "aws configure list  (shows where they come from)")
    return ok("credentials", f"account {number}, as {arn.split(':', 5)[-1]}, in {place.region}.")


def _check_vcpus(
    account: Account, place: Place, check: str, what: str, needs: dict[str, float], service: str, code: str
) -> Iterator[Finding]:
    value = _read_quota(account, service, code)
    mend = _write_increase_command(place, service, code, math.ceil(sum(needs.values())))
    yield compare_quota(check, what, value, needs, mend)


def _check_lambda(account: Account, place: Place) -> Iterator[Finding]:
    with translate_errors("show the limits of Lambda"):
        limits: dict[str, Any] = account.client("lambda").get_account_settings()["AccountLimit"]
    free, needed = int(limits["UnreservedConcurrentExecutions"]), len(place.nodes)
    mend = _write_increase_command(place, "lambda", "L-B99A9384", max(1000, needed))
    if free == 0:
        yield failed(_LAMBDA, "no function calls may run: webhooks would be answered with 429.", mend)
    elif free < needed:
        text = f"{free} function calls may run at once, but a round calls {needed} webhooks; some would be refused."
        yield warning(_LAMBDA, text, mend)
    else:
        yield ok(_LAMBDA, f"{free} function calls may run at once.")


def _check_builds(account: Account, place: Place) -> Iterator[Finding]:
    needed = len(place.built)
    quota = _find_builds_quota(account) if needed else None
    if quota is None:
        return
    value, mend = int(quota["Value"]), _write_increase_command(place, "codebuild", quota["QuotaCode"], max(2, needed))
    if value == 0:
        text = "the account may not run builds of this size, so no image can be built; AWS raises the quota on request."
        yield failed(_CODEBUILD, text, f"{mend}  (or build: {{docker: true}} in nodes.yaml)")
    elif needed > value * (1 + _MOST_QUEUED):
        text = f"{value} builds may run at once and {value * _MOST_QUEUED} may wait; {needed} nodes need a build."
        yield warning(_CODEBUILD, text, mend)
    else:
        yield ok(_CODEBUILD, f"{value} image {'build' if value == 1 else 'builds'} may run at once.")


def _read_quota(account: Account, service: str, code: str) -> float:
    """Return a quota's value: the account's own if it has one, or else AWS's default."""
    client, key = account.client("service-quotas"), {"ServiceCode": service, "QuotaCode": code}
    try:
        with translate_errors(f"show the quota {code} of {service}"):
            return float(client.get_service_quota(**key)["Quota"]["Value"])
    except Refused as error:
        if error.code != "NoSuchResourceException":
            raise
    with translate_errors(f"show the quota {code} of {service}"):
        return float(client.get_aws_default_service_quota(**key)["Quota"]["Value"])


def _find_builds_quota(account: Account) -> dict[str, Any] | None:
    """Find CodeBuild's quota by its name: AWS's user guide gives its name but not its code."""
    client = account.client("service-quotas")
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        with translate_errors("list the quotas of codebuild"):
            for page in client.get_paginator(operation).paginate(ServiceCode="codebuild"):
                for quota in page["Quotas"]:
                    if quota["QuotaName"] == _BUILDS:
                        return dict(quota)
    return None


def _write_increase_command(place: Place, service: str, code: str, value: int) -> str:
    profile = place.configured("aws:profile")
    return (
        f"aws service-quotas request-service-quota-increase --region {place.region} --service-code {service} "
        f"--quota-code {code} --desired-value {value}{f' --profile {profile}' if profile else ''}"
    )
