"""Allows no public endpoints except triggers, and requires the hash of a token in each node's row.

Numerai cannot sign its calls, so a trigger's address is public and its code checks the token (`trigger.core`).
Everything else that is reachable from outside is rejected: other functions, services, load balancers, open ports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.resource import UNKNOWN, Context, Resource, as_list

_HASH = re.compile(r"[0-9a-f]{64}")
_TOKEN = 3
"""The position of the token's hash in the name of a row: table/MODEL/NODE/HASH/..."""
_NO_HASH = "the row has no SHA-256 of a token, so the trigger could not tell Numerai's calls from others."
_EVERYONE = ("allUsers", "allAuthenticatedUsers")
_ANYWHERE = ("0.0.0.0/0", "::/0", "*", "Internet")
# Kinds of endpoints that this program never needs.
_NEVER = {
    "aws:apigateway:RestApi",
    "aws:apigatewayv2:Api",
    "aws:lb:LoadBalancer",
    "aws:alb:LoadBalancer",
    "aws:ec2:Instance",
    "azure-native:app:ContainerApp",
    "azure-native:network:PublicIPAddress",
    "azure-native:containerinstance:ContainerGroup",
    "gcp:compute:Instance",
    "gcp:compute:GlobalForwardingRule",
    "gcp:cloudfunctions:Function",
}


def only_triggers_are_public(resource: Resource, _context: Context) -> Iterator[str]:
    """Check resources that can make an endpoint public."""
    in_trigger = resource.is_inside("Trigger")
    kind = resource.kind
    if kind in _NEVER:
        yield f"{kind} can be reached from outside: the only endpoint of a node is its trigger."
    elif _is_public(resource) and not in_trigger:
        yield f"{kind} is public but not part of a trigger."
    elif kind in _ROWS:
        yield from _check_row(resource)
    elif kind == "azure-native:storage:BlobContainer" and resource.is_inside("PredictionNode"):
        yield from _check_metadata(resource.get("metadata"))
    elif "Member" in kind or "Binding" in kind:
        yield from _check_members(resource, in_trigger)
    elif kind in _PORTS:
        yield from _check_ports(resource)


def _is_public(resource: Resource) -> bool:
    """Whether a resource makes a function or service public."""
    kind, get = resource.kind, resource.get
    if kind == "aws:lambda:FunctionUrl":
        return get("authorizationType") not in ("AWS_IAM", UNKNOWN)
    if kind == "aws:lambda:Permission":
        return bool(get("principal") == "*")
    if kind == "gcp:cloudfunctionsv2:Function":
        return get("serviceConfig.ingressSettings") in (None, "ALLOW_ALL")
    if kind == "gcp:cloudrunv2:Service":
        return get("ingress") in (None, "INGRESS_TRAFFIC_ALL")
    if kind in ("azure-native:web:WebApp", "azure-native:web:WebAppSlot"):
        return get("publicNetworkAccess") not in ("Disabled", UNKNOWN)
    return False


# The property with the name of an object, which is a row of a trigger's table if it begins with table/.
_ROWS = {"aws:s3:BucketObjectv2": "key", "gcp:storage:BucketObject": "name"}


def _check_row(resource: Resource) -> Iterator[str]:
    name = resource.get(_ROWS[resource.kind])
    columns = name.split("/") if isinstance(name, str) else []
    if columns[:1] == ["table"] and not (len(columns) > _TOKEN and _HASH.fullmatch(columns[_TOKEN])):
        yield _NO_HASH


def _check_metadata(row: Any) -> Iterator[str]:
    """Check a row of a trigger's table on Azure."""
    value = row.get("token_sha256") if isinstance(row, Mapping) else row
    if value is not UNKNOWN and not (isinstance(value, str) and _HASH.fullmatch(value)):
        yield _NO_HASH


def _check_members(resource: Resource, in_trigger: bool) -> Iterator[str]:
    for member in [*as_list(resource.get("member")), *as_list(resource.get("members"))]:
        if member not in _EVERYONE:
            continue
        invokes = resource.kind == "gcp:cloudrunv2:ServiceIamMember" and resource.get("role") == "roles/run.invoker"
        if not (in_trigger and invokes):
            yield f"{member} has {resource.get('role')}: everyone may call a trigger, but nothing else."


_PORTS = {
    "aws:vpc:SecurityGroupIngressRule",
    "aws:ec2:SecurityGroupRule",
    "aws:ec2:SecurityGroup",
    "gcp:compute:Firewall",
    "azure-native:network:SecurityRule",
    "azure-native:network:NetworkSecurityGroup",
}


def _check_ports(resource: Resource) -> Iterator[str]:
    rules: list[Any] = [resource.props]
    if resource.kind == "aws:ec2:SecurityGroup":
        rules = as_list(resource.get("ingress"))
    elif resource.kind == "azure-native:network:NetworkSecurityGroup":
        rules = as_list(resource.get("securityRules"))
    for rule in rules:
        if isinstance(rule, Mapping) and _allows_ingress(rule) and any(s in _ANYWHERE for s in _list_sources(rule)):
            yield "it allows connections from anywhere: jobs need only outgoing connections."
            return


def _allows_ingress(rule: Mapping[str, Any]) -> bool:
    direction = rule.get("type") or rule.get("direction") or "ingress"
    allowed = rule.get("access") != "Deny" and not (rule.get("denies") and not rule.get("allows"))
    return str(direction).lower() in ("ingress", "inbound") and allowed


def _list_sources(rule: Mapping[str, Any]) -> list[Any]:
    names = ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks", "sourceRanges", "sourceAddressPrefix")
    return [source for name in (*names, "sourceAddressPrefixes") for source in as_list(rule.get(name))]
