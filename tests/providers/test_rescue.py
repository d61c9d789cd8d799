"""A node and its rescue on each pair of clouds: two rows that name each other's trigger, and no second webhook."""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pulumi
import pytest

from docs.generate import recorder
from docs.generate.recorder import Program, make_model, register
from nodefile.clouds import REGIONS
from tests.providers.budget import NODE
from trigger.table import Row

MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"
FAR = {"aws": "eu-west-1", "gcp": "europe-west1", "azure": "westeurope"}
HOSTS = {"aws": ".on.aws", "gcp": ".run.app", "azure": ".azurewebsites.net"}


class Mocks(recorder.Mocks):
    """All three clouds' providers."""

    def __init__(self) -> None:
        super().__init__()
        self._clouds = {name: importlib.import_module(f"docs.generate.mocks.{name}").Mocks() for name in REGIONS}

    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        reference = base64.b64decode(inputs.get("__provider", "")).decode()
        of = (
            cloud for cloud in REGIONS if type_.startswith(cloud) or f":{cloud}:" in type_ or f"V{cloud}-" in reference
        )
        cloud = next(of, "aws")
        answer: tuple[str, dict[str, Any]] = self._clouds[cloud].answer(type_, name, inputs)
        return answer

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        cloud = next((cloud for cloud in REGIONS if args.token.startswith(cloud)), "aws")
        result: tuple[dict[str, Any], list[tuple[str, str]] | None] = self._clouds[cloud].call(args)
        return result


def build(cloud: str, more: str, folder: Path) -> Program:
    with contextlib.chdir(folder):
        if not (folder / "m").exists():
            make_model(folder)
        text = f"nodes:\n  alpha: {{model: {MODEL}, cloud: {cloud}, source: m{more}}}\n"
        return Program(*register(Mocks(), text, "prediction-nodes", "live"))


def read_row(program: Program, node: str) -> Row:
    """Return the node's row, as its cloud's trigger reads it."""
    for each in program.list_owned(node):
        if each.type.endswith(":BlobContainer"):
            row = Row.read_columns(each.inputs["metadata"])
            assert row
            return row
        key = str(each.inputs.get("key", each.inputs.get("name", "")))
        if each.type.endswith((":BucketObjectv2", ":BucketObject")) and key.startswith("table/"):
            row = Row.read_key(key.removeprefix("table/"))
            assert row
            return row
    raise AssertionError(f"{node} has no row")


@pytest.mark.parametrize("other", REGIONS)
@pytest.mark.parametrize("cloud", REGIONS)
def test_a_rescue_is_a_node_without_a_webhook(cloud: str, other: str, tmp_path: Path) -> None:
    program = build(cloud, f", rescue: {{cloud: {other}, region: {FAR[other]}}}", tmp_path)
    names = Counter((each.type, each.name) for each in program.list_resources())
    assert [name for name, count in names.items() if count > 1] == []
    rescue = program.list_owned("alpha-rescue")
    owned = [each for each in rescue if not each.type.startswith("pulumi-python:")]
    assert len(owned) <= NODE[other], [(each.type, each.name) for each in owned]
    clusters = {each.name for each in program.list_resources(":Cluster")}
    assert clusters == {f"{cloud}-{REGIONS[cloud]}", f"{other}-{FAR[other]}"}
    node, row = read_row(program, "alpha"), read_row(program, "alpha-rescue")
    assert (node.primary, row.primary, row.title, row.watch) == ("", "alpha", "alpha", "1800-2")
    assert node.partner.rstrip("/").endswith(HOSTS[other])
    assert row.partner.rstrip("/").endswith(HOSTS[cloud])
    assert row.model_id == node.model_id == MODEL
    assert row.token_sha256 != node.token_sha256
    assert row.keys, "it asks Numerai and its partner with the account's keys"


@pytest.mark.parametrize("cloud", REGIONS)
def test_a_node_without_a_rescue_is_as_before(cloud: str, tmp_path: Path) -> None:
    row = read_row(build(cloud, "", tmp_path), "alpha")
    assert (row.primary, row.partner) == ("", "")
    if cloud != "azure":
        assert row.write_key().count("/") == 10, "no row of a deployed stack changes"


@pytest.mark.parametrize("cloud", REGIONS)
def test_a_rescue_changes_nothing_of_its_node_but_the_row(cloud: str, tmp_path: Path) -> None:
    other = next(name for name in REGIONS if name != cloud)
    before, after = build(cloud, "", tmp_path), build(cloud, f", rescue: {{cloud: {other}}}", tmp_path)

    def inputs(program: Program, owner: str) -> dict[tuple[str, str], str]:
        return {
            (each.type, each.name): json.dumps(each.inputs, default=lambda archive: sorted(archive.assets))
            for each in program.list_owned(owner)
        }

    cluster = f"{cloud}-{REGIONS[cloud]}"
    assert inputs(after, cluster) == inputs(before, cluster)
    old, new = inputs(before, "alpha"), inputs(after, "alpha")
    assert [kind.rsplit(":", 1)[-1] for (kind, name), text in new.items() if old[kind, name] != text] == [
        {"aws": "BucketObjectv2", "gcp": "BucketObject", "azure": "BlobContainer"}[cloud]
    ]


@pytest.mark.parametrize("cloud", REGIONS)
def test_both_containers_get_the_same_variables(cloud: str, tmp_path: Path) -> None:
    program = build(cloud, f", rescue: {{cloud: {cloud}, region: {FAR[cloud]}}}", tmp_path)
    jobs = [
        json.dumps(each.inputs.get("containerProperties") or each.inputs["template"])
        for each in program.list_resources()
        if each.type.endswith((":JobDefinition", "cloudrunv2/job:Job", "app:Job"))
    ]
    assert len(jobs) == 2
    for job in jobs:
        assert "alpha-rescue" not in job.split("NODE_NAME", 1)[1][:60]
