"""Service Quotas: plausible quotas of an established account, in the form of the real answers.

As on AWS, a quota is either the account's own (`applied`) or AWS's default, and each operation returns only one kind.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.aws.calls import Call, Refused, Reply, reply

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud

_APPLIED: dict[tuple[str, str], tuple[str, float]] = {
    ("fargate", "L-3032A538"): ("Fargate On-Demand vCPU resource count", 140.0),
    ("codebuild", "L-9D07B6EF"): ("Concurrently running builds for Linux/Small environment", 20.0),
}
_DEFAULTS: dict[tuple[str, str], tuple[str, float]] = {
    ("fargate", "L-3032A538"): ("Fargate On-Demand vCPU resource count", 6.0),
    ("ec2", "L-1216C47A"): ("Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances", 5.0),
    ("lambda", "L-B99A9384"): ("Concurrent executions", 1000.0),
    ("codebuild", "L-9D07B6EF"): ("Concurrently running builds for Linux/Small environment", 1.0),
}
CONCURRENT_EXECUTIONS = 1000
_GET = {"GetServiceQuota": _APPLIED, "GetAWSDefaultServiceQuota": _DEFAULTS}
_LIST = {"ListServiceQuotas": _APPLIED, "ListAWSDefaultServiceQuotas": _DEFAULTS}


def serve(cloud: AwsCloud, call: Call, action: str) -> Reply:
    """Answer one of the four operations that read quotas. Raises Refused."""
    caller, request = cloud.access.caller(call), call.json()
    cloud.access.demand(caller, f"servicequotas:{action}", "*")
    if action in _LIST:
        quotas = [
            _quota(cloud, call, key, *quota) for key, quota in _LIST[action].items() if key[0] == request["ServiceCode"]
        ]
        return reply({"Quotas": quotas})
    if action not in _GET:
        raise Refused(400, "UnknownOperationException", f"the sandbox has no {action}")
    key = (request["ServiceCode"], request["QuotaCode"])
    if key not in _GET[action]:
        raise Refused(400, "NoSuchResourceException", "The request failed because the specified quota does not exist.")
    return reply({"Quota": _quota(cloud, call, key, *_GET[action][key])})


def _quota(cloud: AwsCloud, call: Call, key: tuple[str, str], name: str, value: float) -> dict[str, Any]:
    service, code = key
    return {
        "ServiceCode": service,
        "QuotaArn": f"arn:aws:servicequotas:{cloud.region_of(call)}:{cloud.account}:{service}/{code}",
        "QuotaCode": code,
        "QuotaName": name,
        "Value": value,
        "Unit": "None",
        "Adjustable": True,
        "GlobalQuota": False,
    }
