"""The rules in Pulumi's policy library, which speaks to the engine.

What a rule sees is taken from the engine's own request, before the library takes the marks of secrets off it, and the
stack's settings from the call with which the engine begins. The library has no public way to either, so its servicer is
replaced (`policies.patches`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from google.protobuf import json_format
from pulumi_policy import (
    EnforcementLevel,
    PolicyConfigSchema,
    PolicyPack,
    ResourceValidationPolicy,
    StackValidationPolicy,
)
from pulumi_policy import policy as library

from policies import engine_values, patches
from policies.pack import RESOURCE_RULES, STACK_RULES, ResourceRule, StackRule
from policies.resource import Given, Resource

_now = threading.local()
_stack: dict[str, Any] = {"config": {}, "secrets": engine_values.secret_values({}, [], os.environ)}


class Servicer(library._PolicyAnalyzerServicer):  # type: ignore[misc]
    """The library's, which also keeps what the engine says."""

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        config = dict(request.config)
        _stack["config"] = config
        _stack["secrets"] = engine_values.secret_values(config, list(request.config_secret_keys), os.environ)
        return super().ConfigureStack(request, context)

    def Analyze(self, request: Any, context: Any) -> Any:  # noqa: N802
        _now.resources = [_resource(request)]
        return super().Analyze(request, context)

    def AnalyzeStack(self, request: Any, context: Any) -> Any:  # noqa: N802
        _now.resources = [_resource(each, each.propertyDependencies) for each in request.resources]
        return super().AnalyzeStack(request, context)


def _resource(sent: Any, dependencies: Any = None) -> Resource:
    refers = {name: frozenset(each.urns) for name, each in (dependencies or {}).items()}
    return engine_values.resource(sent.type, sent.name, sent.urn, json_format.MessageToDict(sent.properties), refers)


def _given(args: Any) -> Given:
    return Given(args.get_config(), _stack["config"], _stack["secrets"])


def _schema(rule: ResourceRule | StackRule) -> PolicyConfigSchema | None:
    return PolicyConfigSchema({name: dict(each) for name, each in rule.settings.items()}) if rule.settings else None


def _of_resource(rule: ResourceRule) -> Any:
    def validate(args: Any, report: Callable[..., None]) -> None:
        for sentence in rule.check(_now.resources[0], _given(args)):
            report(sentence)

    return ResourceValidationPolicy(rule.name, rule.description, validate, config_schema=_schema(rule))


def _of_stack(rule: StackRule) -> Any:
    def validate(args: Any, report: Callable[..., None]) -> None:
        for sentence, urn in rule.check(_now.resources, _given(args)):
            report(sentence, urn)

    return StackValidationPolicy(rule.name, rule.description, validate, config_schema=_schema(rule))


def serve() -> None:
    """Serve until the engine ends this process."""
    patches.replace_servicer(library, Servicer)
    policies = [*(_of_resource(rule) for rule in RESOURCE_RULES), *(_of_stack(rule) for rule in STACK_RULES)]
    PolicyPack("prediction-nodes", policies, enforcement_level=EnforcementLevel.MANDATORY)
