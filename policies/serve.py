"""Provides the rules to the engine with Pulumi's policy library.

The input of a rule comes from the engine's own request, because the library removes the marks of secrets. The stack's
settings come from the engine's first call. The library gives access to neither, so its servicer is replaced
(`policies.patches`).
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
from policies.pack import RESOURCE_RULES, STACK_RULES, ResourceCheck, Rule, StackCheck
from policies.resource import Context, Resource

_request = threading.local()
_stack: dict[str, Any] = {"config": {}, "secrets": engine_values.find_secrets({}, [], os.environ)}


class Servicer(library._PolicyAnalyzerServicer):  # type: ignore[misc]
    """The library's servicer, which also keeps the engine's requests."""

    def ConfigureStack(self, request: Any, context: Any) -> Any:  # noqa: N802 - named by the protocol
        config = dict(request.config)
        _stack["config"] = config
        _stack["secrets"] = engine_values.find_secrets(config, list(request.config_secret_keys), os.environ)
        return super().ConfigureStack(request, context)

    def Analyze(self, request: Any, context: Any) -> Any:  # noqa: N802
        _request.resources = [_read_resource(request)]
        return super().Analyze(request, context)

    def AnalyzeStack(self, request: Any, context: Any) -> Any:  # noqa: N802
        _request.resources = [_read_resource(sent, sent.propertyDependencies) for sent in request.resources]
        return super().AnalyzeStack(request, context)


def _read_resource(sent: Any, dependencies: Any = None) -> Resource:
    urns = {name: frozenset(dependency.urns) for name, dependency in (dependencies or {}).items()}
    properties = json_format.MessageToDict(sent.properties)
    return engine_values.read_resource(sent.type, sent.name, sent.urn, properties, urns)


def _make_context(args: Any) -> Context:
    return Context(args.get_config(), _stack["config"], _stack["secrets"])


def _make_schema(rule: Rule[Any]) -> PolicyConfigSchema | None:
    return PolicyConfigSchema({name: dict(schema) for name, schema in rule.settings.items()}) if rule.settings else None


def _make_resource_policy(rule: Rule[ResourceCheck]) -> Any:
    def validate(args: Any, report: Callable[..., None]) -> None:
        for sentence in rule.check(_request.resources[0], _make_context(args)):
            report(sentence)

    return ResourceValidationPolicy(rule.name, rule.description, validate, config_schema=_make_schema(rule))


def _make_stack_policy(rule: Rule[StackCheck]) -> Any:
    def validate(args: Any, report: Callable[..., None]) -> None:
        for sentence, urn in rule.check(_request.resources, _make_context(args)):
            report(sentence, urn)

    return StackValidationPolicy(rule.name, rule.description, validate, config_schema=_make_schema(rule))


def serve() -> None:
    """Serve until the engine ends this process."""
    patches.replace_servicer(library, Servicer)
    policies = [*map(_make_resource_policy, RESOURCE_RULES), *map(_make_stack_policy, STACK_RULES)]
    PolicyPack("prediction-nodes", policies, enforcement_level=EnforcementLevel.MANDATORY)
