"""Run one rule on one resource, or all rules on a program's resources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from policies.pack import RESOURCE_RULES, STACK_RULES, Rule
from policies.resource import Context, Resource

STACK = "urn:pulumi:dev::prediction-nodes::"
# Name -> the parents of a resource in that component, in its URN.
PARENTS = {
    "trigger": "prediction-nodes:{0}:Cluster$prediction-nodes:{0}:Trigger$",
    "node": "prediction-nodes:{0}:PredictionNode$",
    "cluster": "prediction-nodes:{0}:Cluster$",
    "": "",
}


def list_defaults(rule: Rule[Any]) -> dict[str, Any]:
    """Return the settings of a rule that has no configuration."""
    return {name: schema["default"] for name, schema in rule.settings.items() if "default" in schema}


def make_resource(
    type_: str, props: Mapping[str, Any], place: str = "cluster", name: str = "alpha", secret: tuple[str, ...] = ()
) -> Resource:
    """Return a resource inside a component."""
    cloud = {"azure-native": "azure"}.get(type_.split(":")[0], type_.split(":")[0])
    urn = f"{STACK}{PARENTS[place].format(cloud)}{type_}::{name}"
    return Resource(type_, name, props, urn, frozenset(secret))


def run_rule(
    rule: str,
    type_: str,
    props: Mapping[str, Any],
    place: str = "cluster",
    name: str = "alpha",
    secret: tuple[str, ...] = (),
    secrets: frozenset[str] = frozenset(),
    **config: Any,
) -> list[str]:
    """Return the sentences of the rule with this name."""
    (selected,) = [candidate for candidate in RESOURCE_RULES if candidate.name == rule]
    context = Context({**list_defaults(selected), **config}, {}, secrets)
    return list(selected.check(make_resource(type_, props, place, name, secret), context))


def find_violations(resources: Sequence[Resource], secrets: frozenset[str]) -> list[str]:
    """Check resources with the default settings, and return the violations as `RULE: NAME: SENTENCE`."""
    violations = []
    for rule in RESOURCE_RULES:
        context = Context(list_defaults(rule), {}, secrets)
        for resource in resources:
            start = f"{rule.name}: {resource.type} {resource.name}"
            violations += [f"{start}: {sentence}" for sentence in rule.check(resource, context)]
    for stack_rule in STACK_RULES:
        context = Context(list_defaults(stack_rule), {}, secrets)
        violations += [f"{stack_rule.name}: {sentence}" for sentence, _ in stack_rule.check(resources, context)]
    return violations
