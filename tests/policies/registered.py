"""What the program registers on each cloud, with Pulumi's mocks, as the rules see it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from docs.generate import recorder
from docs.generate.mocks.aws import Mocks as AwsMocks
from docs.generate.mocks.azure import SUBSCRIPTION
from docs.generate.mocks.azure import Mocks as AzureMocks
from docs.generate.mocks.gcp import Mocks as GcpMocks
from docs.generate.recorder import PUBLIC_ID, SECRET_KEY, WEBHOOK_KEY, Registered
from policies.resource import Resource

SECRETS = frozenset({PUBLIC_ID, SECRET_KEY, WEBHOOK_KEY, "planted-deployer-token", "planted-registry-token"})
MODELS = [f"5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c0{number}" for number in range(4)]
SCHEDULE = 'schedule: {cron: "0 13 * * 2-6", timezone: America/New_York}'
# Every way of building and running that a cloud has: its own builder, Docker, larger disks and machines.
TEXTS = {
    "aws": f"""
defaults: {{cloud: aws, source: m, tags: {{team: quants}}}}
nodes:
  alpha: {{model: {MODELS[0]}, {SCHEDULE}}}
  beta: {{model: {MODELS[1]}, size: gen-2xl, disk: 500GiB, account: fund, env: {{EXTRA: "1"}}}}
  gamma: {{model: {MODELS[2]}, region: eu-west-1, build: {{docker: true}}, enabled: false}}
""",
    "gcp": f"""
defaults: {{cloud: gcp, source: m, tags: {{team: quants}}}}
nodes:
  alpha: {{model: {MODELS[0]}, {SCHEDULE}}}
  beta: {{model: {MODELS[1]}, size: cpu-xl, account: fund, env: {{EXTRA: "1"}}}}
  gamma: {{model: {MODELS[2]}, region: europe-west1, build: {{docker: true}}, enabled: false}}
""",
    "azure": f"""
defaults: {{cloud: azure, source: m, tags: {{team: quants}}}}
nodes:
  alpha: {{model: {MODELS[0]}, {SCHEDULE}}}
  beta: {{model: {MODELS[1]}, size: mem-2xl, account: fund, env: {{EXTRA: "1"}}}}
  gamma: {{model: {MODELS[2]}, region: westeurope, build: {{docker: true}}, enabled: false}}
""",
}


class _AzureMocks(AzureMocks):
    """With the ids that Azure gives, whose scopes a rule reads."""

    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        _, outputs = super().answer(type_, name, inputs)
        group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{inputs.get('resourceGroupName', name)}"
        own = type_.endswith(":ResourceGroup")
        return group if own else f"{group}/providers/Microsoft.{type_.split(':')[1]}/{name}", outputs


MOCKS: dict[str, Callable[[], recorder.Mocks]] = {"aws": AwsMocks, "gcp": GcpMocks, "azure": _AzureMocks}


def program(cloud: str) -> list[Resource]:
    """Everything that a cloud's nodes register, in the current folder."""
    recorder.place(Path())
    found, _ = recorder.registered(MOCKS[cloud](), TEXTS[cloud], "prediction-nodes", "dev")
    urns = {each.urn: _urn(each, found) for each in found}
    return [
        Resource(
            each.type,
            each.name,
            each.inputs,
            urns[each.urn],
            frozenset(each.secrets),
            # Mocks note what a resource depends on, not which of its properties does.
            dict.fromkeys(each.inputs, frozenset(urns[one] for one in each.depends_on if one in urns)),
        )
        for each in found
    ]


def _urn(one: Registered, found: list[Registered]) -> str:
    """A URN as the engine writes it: with the types of all parents, where mocks have the nearest only."""
    types, at = [one.type], one
    while at.parent:
        above = [each for each in found if each.urn == at.parent]
        if not above:
            break
        (at,) = above
        types.append(at.type)
    return f"urn:pulumi:dev::prediction-nodes::{'$'.join(reversed(types))}::{one.name}"
