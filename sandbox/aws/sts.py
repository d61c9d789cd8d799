"""STS: the caller's identity."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from sandbox.aws.calls import Call, Refused, Reply, query_error, xml

if TYPE_CHECKING:
    from sandbox.aws.cloud import AwsCloud


def serve(cloud: AwsCloud, call: Call) -> Reply:
    """Answer GetCallerIdentity. Raises Refused."""
    try:
        action = (parse_qs(call.body.decode()).get("Action") or [call.query.get("Action", "")])[0]
        if action != "GetCallerIdentity":
            raise Refused(400, "InvalidAction", f"the sandbox has no {action}")
        caller = cloud.access.caller(call)
        inner = f"<Arn>{caller.arn}</Arn><UserId>{caller.name}</UserId><Account>{cloud.account}</Account>"
        return xml(
            '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">'
            f"<GetCallerIdentityResult>{inner}</GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
    except Refused as refused:
        return query_error(refused)
