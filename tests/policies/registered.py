"""The resources that the program registers on each cloud under Pulumi's mocks, as input for the rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from docs.generate import recorder
from docs.generate.mocks.aws import ACCOUNT
from docs.generate.mocks.aws import Mocks as AwsMocks
from docs.generate.mocks.azure import SUBSCRIPTION
from docs.generate.mocks.azure import Mocks as AzureMocks
from docs.generate.mocks.gcp import Mocks as GcpMocks
from docs.generate.recorder import PLANTED, PUBLIC_ID, SECRET_KEY, WEBHOOK_KEY, Registered
from policies.resource import Resource

SECRETS = frozenset(
    {PUBLIC_ID, SECRET_KEY, WEBHOOK_KEY, f"{PLANTED}VENDOR", "planted-deployer-token", "planted-registry-token"}
)
MODELS = [f"5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c0{number}" for number in range(4)]
IDENTITY = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mine/providers/Microsoft.ManagedIdentity/userAssignedIdentities/m"
)
SCHEDULE = 'schedule: {cron: "0 13 * * 2-6", timezone: America/New_York}'
# Every way to build and run a node on each cloud: its own builder, Docker, larger disks and machines, secrets, rights.
TEXTS = {
    "aws": f"""
defaults: {{cloud: aws, source: m, tags: {{team: quants}}}}
nodes:
  alpha: {{model: {MODELS[0]}, {SCHEDULE}}}
  beta: {{model: {MODELS[1]}, size: gen-2xl, disk: 500GiB, account: fund, env: {{EXTRA: "1"}}, secrets: [VENDOR],
    aws: {{job-policy-arns: ['arn:aws:iam::123456789012:policy/read']}}}}
  gamma: {{model: {MODELS[2]}, region: eu-west-1, build: {{docker: true}}, enabled: false}}
""",
    "gcp": f"""
defaults: {{cloud: gcp, source: m, tags: {{team: quants}}}}
nodes:
  alpha: {{model: {MODELS[0]}, {SCHEDULE}}}
  beta: {{model: {MODELS[1]}, size: cpu-xl, account: fund, env: {{EXTRA: "1"}}, secrets: [VENDOR],
    gcp: {{job-service-account: my-model@my-project.iam.gserviceaccount.com}}}}
  gamma: {{model: {MODELS[2]}, region: europe-west1, build: {{docker: true}}, enabled: false}}
""",
    "azure": f"""
defaults: {{cloud: azure, source: m, tags: {{team: quants}}}}
nodes:
  alpha: {{model: {MODELS[0]}, {SCHEDULE}}}
  beta: {{model: {MODELS[1]}, size: mem-2xl, account: fund, env: {{EXTRA: "1"}}, secrets: [VENDOR],
    azure: {{job-identity: {IDENTITY}}}}}
  gamma: {{model: {MODELS[2]}, region: westeurope, build: {{docker: true}}, enabled: false}}
""",
}


class _AzureMocks(AzureMocks):
    """Answers with real Azure ids, because a rule reads the scopes in them."""

    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        _, outputs = super().answer(type_, name, inputs)
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{inputs.get('resourceGroupName', name)}"
        is_group = type_.endswith(":ResourceGroup")
        return group if is_group else f"{group}/providers/Microsoft.{type_.split(':')[1]}/{name}", outputs


class _AwsMocks(AwsMocks):
    """Answers with real ARNs of roles, because a rule reads their paths."""

    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        id_, outputs = super().answer(type_, name, inputs)
        role = {"arn": f"arn:aws:iam::{ACCOUNT}:role{inputs.get('path')}{outputs['name']}"}
        return id_, outputs | (role if type_.endswith(":Role") else {})


MOCKS: dict[str, Callable[[], recorder.Mocks]] = {"aws": _AwsMocks, "gcp": GcpMocks, "azure": _AzureMocks}


def register_program(cloud: str) -> list[Resource]:
    """Return all resources that a cloud's nodes register. Writes nodes.yaml to the current folder."""
    recorder.make_model(Path())
    resources, _ = recorder.register(MOCKS[cloud](), TEXTS[cloud], "prediction-nodes", "dev")
    urns = {resource.urn: _make_urn(resource, resources) for resource in resources}
    return [
        Resource(
            resource.type,
            resource.name,
            resource.inputs,
            urns[resource.urn],
            frozenset(resource.secrets),
            # Mocks record the dependencies of a resource, not of its properties.
            dict.fromkeys(resource.inputs, frozenset(urns[urn] for urn in resource.depends_on if urn in urns)),
        )
        for resource in resources
    ]


def _make_urn(resource: Registered, resources: list[Registered]) -> str:
    """Return the engine's URN, which has the types of all parents. Mocks have only the nearest parent."""
    types, child = [resource.type], resource
    while child.parent:
        parents = [candidate for candidate in resources if candidate.urn == child.parent]
        if not parents:
            break
        (child,) = parents
        types.append(child.type)
    return f"urn:pulumi:dev::prediction-nodes::{'$'.join(reversed(types))}::{resource.name}"
