"""Which changes of a preview a release includes: those of the node and shared ones, none of other nodes."""

from __future__ import annotations

from typing import Any

import pytest

from pnodes.deployed.release import find_targets
from pnodes.errors import UserError

STACK = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
ALPHA = "urn:pulumi:dev::p::prediction-nodes:aws:PredictionNode::alpha"
BETA = "urn:pulumi:dev::p::prediction-nodes:aws:PredictionNode::beta"
CLUSTER = "urn:pulumi:dev::p::prediction-nodes:aws:Cluster::aws-us-east-1"


def step(urn: str, op: str = "update", parent: str = STACK, state: str = "newState") -> dict[str, Any]:
    return {"urn": urn, "op": op, state: {"parent": parent}}


def under(parent: str, kind: str, name: str) -> str:
    head = parent.rpartition("::")[0]
    return f"{head}${kind}::{name}"


TRIGGER = under(ALPHA, "prediction-nodes:aws:Trigger", "alpha")
FUNCTION = under(TRIGGER, "aws:lambda/function:Function", "alpha")
WEBHOOK = "urn:pulumi:dev::p::pulumi-python:prediction-nodes/Webhook:Webhook::alpha"
SCAFFOLD = [step(STACK, "same", ""), step(ALPHA, "same"), step(BETA, "same"), step(TRIGGER, "same", ALPHA)]


def test_a_node_s_own_changes_are_those_under_its_component_and_its_webhook() -> None:
    job = under(BETA, "aws:batch/jobDefinition:JobDefinition", "alpha-2")
    other = WEBHOOK.replace("::alpha", "::beta")
    steps = [*SCAFFOLD, step(FUNCTION, parent=TRIGGER), step(job, parent=BETA), step(WEBHOOK), step(other)]
    assert find_targets(steps, "alpha") == {FUNCTION: "update", WEBHOOK: "update"}


def test_what_nodes_share_is_made_and_updated_but_not_removed() -> None:
    made, gone = under(CLUSTER, "aws:ec2/vpc:Vpc", "a"), under(CLUSTER, "aws:ec2/vpc:Vpc", "b")
    steps = [*SCAFFOLD, step(CLUSTER, "create"), step(made, "create", CLUSTER)]
    steps.append(step(gone, "delete", CLUSTER, "oldState"))
    assert find_targets(steps, "alpha") == {CLUSTER: "create", made: "create"}


def test_what_the_node_no_longer_has_goes() -> None:
    old = under(ALPHA, "aws:scheduler/schedule:Schedule", "alpha")
    assert find_targets([*SCAFFOLD, step(old, "delete", ALPHA, "oldState")], "alpha") == {old: "delete"}


def test_another_new_node_is_refused() -> None:
    with pytest.raises(UserError, match="beta is also new"):
        find_targets([step(STACK, "same", ""), step(ALPHA, "create"), step(BETA, "create")], "alpha")


def test_a_node_s_rescue_is_released_with_it() -> None:
    rescue = ALPHA.replace(":aws:", ":gcp:") + "-rescue"
    job = under(rescue, "gcp:cloudrunv2/job:Job", "alpha-rescue")
    steps = [*SCAFFOLD, step(rescue, "create"), step(job, "create", rescue)]
    assert find_targets(steps, "alpha") == {rescue: "create", job: "create"}
