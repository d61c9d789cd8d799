"""One resource before one rule: what the rule says of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from policies.pack import RESOURCE_RULES, defaults
from policies.resource import Given, Resource

STACK = "urn:pulumi:dev::prediction-nodes::"
# Where a resource can lie: a trigger of a node, a node itself, a cluster.
PLACES = {
    "trigger": "prediction-nodes:{0}:PredictionNode$prediction-nodes:{0}:Trigger$",
    "node": "prediction-nodes:{0}:PredictionNode$",
    "cluster": "prediction-nodes:{0}:Cluster$",
    "": "",
}


def resource(
    type_: str, props: Mapping[str, Any], place: str = "cluster", name: str = "alpha", secret: tuple[str, ...] = ()
) -> Resource:
    """A resource at a place of the program."""
    cloud = {"azure-native": "azure"}.get(type_.split(":")[0], type_.split(":")[0])
    urn = f"{STACK}{PLACES[place].format(cloud)}{type_}::{name}"
    return Resource(type_, name, props, urn, frozenset(secret))


def said(
    rule: str,
    type_: str,
    props: Mapping[str, Any],
    place: str = "cluster",
    name: str = "alpha",
    secret: tuple[str, ...] = (),
    secrets: frozenset[str] = frozenset(),
    **config: Any,
) -> list[str]:
    """What the rule of this name says."""
    (found,) = [each for each in RESOURCE_RULES if each.name == rule]
    given = Given({**defaults(found), **config}, {}, secrets)
    return list(found.check(resource(type_, props, place, name, secret), given))
