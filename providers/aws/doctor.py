"""An AWS account in one region: who the credentials are, and the quotas that new accounts have too little of.

A job that asks for more vCPUs than Fargate's quota waits in RUNNABLE for ever; an account may begin with a quota of no
CodeBuild builds, or of ten calls of Lambda at once.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from providers.aws.limits import EC2, MAX_CPU, fit
from providers.aws.operations import Account, asked
from providers.findings import Finding, Level, Place, asked_in_vain, compare_quota, failed, ok, warning
from providers.operations import Refused

_BUILDS = "Concurrently running builds for Linux/Small environment"
_MOST_QUEUED = 5  # builds that wait, for each that may run
_RIGHT = "the right servicequotas:GetServiceQuota"


def examine(place: Place) -> Iterator[Finding]:
    """The findings in order. Raises OperationsError where the account cannot be asked at all."""
    account = Account(place.configured, place.region)
    with asked("say who the credentials are"):
        caller = account.client("sts").get_caller_identity()
    who = _account(place, str(caller["Account"]), str(caller["Arn"]))
    yield who
    if who.level is Level.FAILED:
        return
    yield from _fargate(account, place)
    yield from _machines(account, place)
    yield from _lambda(account, place)
    yield from _builds(account, place)


def _account(place: Place, number: str, arn: str) -> Finding:
    allowed = str(place.configured("aws:allowedAccountIds") or "")
    if allowed and number not in allowed:
        text = f"these credentials are of the account {number}, which aws:allowedAccountIds does not name."
        return failed("credentials", text, "aws configure list  (shows where they come from)")
    return ok("credentials", f"account {number}, as {arn.split(':', 5)[-1]}, in {place.region}.")


def _fargate(account: Account, place: Place) -> Iterator[Finding]:
    wanted = {node.name: fit(node).cpu_units / 1024 for node in place.running if fit(node).platform != EC2}
    check, what = "quota of Fargate", "vCPUs at once on Fargate"
    yield from _vcpus(account, place, check, what, wanted, "fargate", "L-3032A538")


def _machines(account: Account, place: Place) -> Iterator[Finding]:
    # Each run has a machine of its own, of the one size that Batch is given.
    wanted = {node.name: float(MAX_CPU) for node in place.running if fit(node).platform == EC2}
    check, what = "quota of EC2", "vCPUs at once on machines of EC2's"
    yield from _vcpus(account, place, check, what, wanted, "ec2", "L-1216C47A")


def _vcpus(
    account: Account, place: Place, check: str, what: str, wanted: dict[str, float], service: str, code: str
) -> Iterator[Finding]:
    if not wanted:
        return
    try:
        value = _quota(account, service, code)
    except Refused as error:
        yield asked_in_vain(check, error, _RIGHT)
        return
    mend = _raise(place, service, code, math.ceil(sum(wanted.values())))
    yield compare_quota(check, what, value, wanted, mend)


def _lambda(account: Account, place: Place) -> Iterator[Finding]:
    check = "quota of Lambda"
    try:
        with asked("tell the limits of Lambda"):
            limits: dict[str, Any] = account.client("lambda").get_account_settings()["AccountLimit"]
    except Refused as error:
        yield asked_in_vain(check, error, "the right lambda:GetAccountSettings")
        return
    free, needed = int(limits["UnreservedConcurrentExecutions"]), len(place.nodes)
    mend = _raise(place, "lambda", "L-B99A9384", max(1000, needed))
    if free == 0:
        yield failed(check, "no call of a function may run: webhooks would be answered with 429.", mend)
    elif free < needed:
        text = f"{free} calls of functions may run at once, and a round calls {needed} webhooks; some are turned away."
        yield warning(check, text, mend)
    else:
        yield ok(check, f"{free} calls of functions may run at once.")


def _builds(account: Account, place: Place) -> Iterator[Finding]:
    check, needed = "quota of CodeBuild", len(place.built)
    if not needed:
        return
    try:
        found = _builds_quota(account)
    except Refused as error:
        yield asked_in_vain(check, error, "the right servicequotas:ListServiceQuotas")
        return
    if found is None:
        return
    value, mend = int(found["Value"]), _raise(place, "codebuild", found["QuotaCode"], max(2, needed))
    if value == 0:
        text = "the account may run no build of this size, so no image can be built; AWS raises it on request."
        yield failed(check, text, f"{mend}  (or build: {{docker: true}} in nodes.yaml)")
    elif needed > value * (1 + _MOST_QUEUED):
        text = f"{value} builds may run at once and {value * _MOST_QUEUED} wait; {needed} nodes have images to build."
        yield warning(check, text, mend)
    else:
        yield ok(check, f"{value} {'build' if value == 1 else 'builds'} of images may run at once.")


def _quota(account: Account, service: str, code: str) -> float:
    """The account's own value, else AWS's default: only one of them is there."""
    client, wanted = account.client("service-quotas"), {"ServiceCode": service, "QuotaCode": code}
    try:
        with asked(f"tell the quota {code} of {service}"):
            return float(client.get_service_quota(**wanted)["Quota"]["Value"])
    except Refused as error:
        if error.code != "NoSuchResourceException":
            raise
    with asked(f"tell the quota {code} of {service}"):
        return float(client.get_aws_default_service_quota(**wanted)["Quota"]["Value"])


def _builds_quota(account: Account) -> dict[str, Any] | None:
    """By its name, which the user guide has; its code is in the answer."""
    client = account.client("service-quotas")
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        with asked("tell the quotas of codebuild"):
            for page in client.get_paginator(operation).paginate(ServiceCode="codebuild"):
                for each in page["Quotas"]:
                    if each["QuotaName"] == _BUILDS:
                        return dict(each)
    return None


def _raise(place: Place, service: str, code: str, value: int) -> str:
    profile = place.configured("aws:profile")
    return (
        f"aws service-quotas request-service-quota-increase --region {place.region} --service-code {service} "
        f"--quota-code {code} --desired-value {value}{f' --profile {profile}' if profile else ''}"
    )
