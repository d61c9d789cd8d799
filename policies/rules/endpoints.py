"""The only public endpoint is a trigger, and a trigger knows the hash of its token.

Numerai cannot sign its calls, so a trigger's address is open and its code checks the token (`trigger.core`). Everything
else that could be reached from outside is refused: other functions, services, load balancers, open ports.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policies.resource import UNKNOWN, Given, Resource, items

TOKEN = "TOKEN_SHA256"  # noqa: S105 - the name of a variable that holds a hash
_HASH = re.compile(r"[0-9a-f]{64}")
_EVERYBODY = ("allUsers", "allAuthenticatedUsers")
_ANYWHERE = ("0.0.0.0/0", "::/0", "*", "Internet")
# Endpoints of kinds that no part of this program needs.
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


def only_triggers_are_public(resource: Resource, _given: Given) -> Iterator[str]:
    """What opens something to the world."""
    trigger = resource.inside("Trigger")
    kind = resource.kind
    if kind in _NEVER:
        yield f"{kind} can be reached from outside: the only endpoint of a node is its trigger."
    elif _opens(resource) and not trigger:
        yield f"{kind} is open to everybody and no part of a trigger."
    elif kind in _FUNCTIONS and trigger:
        yield from _token(resource)
    elif "Member" in kind or "Binding" in kind:
        yield from _members(resource, trigger)
    elif kind in _PORTS:
        yield from _ports(resource)


def _opens(resource: Resource) -> bool:
    """Whether a resource is what makes a function or service answer to everybody."""
    kind, at = resource.kind, resource.at
    if kind == "aws:lambda:FunctionUrl":
        return at("authorizationType") not in ("AWS_IAM", UNKNOWN)
    if kind == "aws:lambda:Permission":
        return bool(at("principal") == "*")
    if kind == "gcp:cloudfunctionsv2:Function":
        return at("serviceConfig.ingressSettings") in (None, "ALLOW_ALL")
    if kind == "gcp:cloudrunv2:Service":
        return at("ingress") in (None, "INGRESS_TRAFFIC_ALL")
    if kind in ("azure-native:web:WebApp", "azure-native:web:WebAppSlot"):
        return at("publicNetworkAccess") not in ("Disabled", UNKNOWN)
    return False


# Where each cloud's function has its variables.
_FUNCTIONS = {
    "aws:lambda:Function": "environment.variables",
    "gcp:cloudfunctionsv2:Function": "serviceConfig.environmentVariables",
    "azure-native:web:WebApp": "siteConfig.appSettings",
}


def _token(resource: Resource) -> Iterator[str]:
    found = resource.at(_FUNCTIONS[resource.kind])
    if found is UNKNOWN:
        return
    if isinstance(found, list | tuple):
        found = {each.get("name"): each.get("value") for each in found if isinstance(each, Mapping)}
    value: Any = (found or {}).get(TOKEN)
    if value is not UNKNOWN and not (isinstance(value, str) and _HASH.fullmatch(value)):
        yield f"the trigger has no {TOKEN}, so it would take anybody's call: give it the SHA-256 of its token."


def _members(resource: Resource, trigger: bool) -> Iterator[str]:
    for member in [*items(resource.at("member")), *items(resource.at("members"))]:
        if member not in _EVERYBODY:
            continue
        called = resource.kind == "gcp:cloudrunv2:ServiceIamMember" and resource.at("role") == "roles/run.invoker"
        if not (trigger and called):
            yield f"{member} is given {resource.at('role')}: everybody may call a trigger, and nothing else."


_PORTS = {
    "aws:vpc:SecurityGroupIngressRule",
    "aws:ec2:SecurityGroupRule",
    "aws:ec2:SecurityGroup",
    "gcp:compute:Firewall",
    "azure-native:network:SecurityRule",
    "azure-native:network:NetworkSecurityGroup",
}


def _ports(resource: Resource) -> Iterator[str]:
    rules: list[Any] = [resource.props]
    if resource.kind == "aws:ec2:SecurityGroup":
        rules = items(resource.at("ingress"))
    elif resource.kind == "azure-native:network:NetworkSecurityGroup":
        rules = items(resource.at("securityRules"))
    for rule in rules:
        if isinstance(rule, Mapping) and _comes_in(rule) and any(each in _ANYWHERE for each in _sources(rule)):
            yield "it lets everybody in: jobs call out, and nothing calls them."
            return


def _comes_in(rule: Mapping[str, Any]) -> bool:
    way = rule.get("type") or rule.get("direction") or "ingress"
    allowed = rule.get("access") != "Deny" and not (rule.get("denies") and not rule.get("allows"))
    return str(way).lower() in ("ingress", "inbound") and allowed


def _sources(rule: Mapping[str, Any]) -> list[Any]:
    names = ("cidrIpv4", "cidrIpv6", "cidrBlocks", "ipv6CidrBlocks", "sourceRanges", "sourceAddressPrefix")
    return [source for name in (*names, "sourceAddressPrefixes") for source in items(rule.get(name))]
