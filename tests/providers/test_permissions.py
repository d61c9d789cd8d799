"""The permission tables match the program: every registered type has a row, every row has a registered type, and the
files in docs/permissions match the tables.

Set PNODES_REWRITE_PAGES to rewrite the files.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest

from docs.generate import recorder
from docs.generate.recorder import Registered
from pnodes.engine.paths import ROOT
from providers.aws import permissions as aws
from providers.azure import permissions as azure
from providers.azure.services import SERVICES
from providers.gcp import permissions as gcp
from providers.permissions import Table, Way, list_actions
from tests.providers.every_feature import LARGE, NODES

WITHOUT_CALLS = {"pulumi-python:dynamic/prediction-nodes:Permissions"}
"""Resources that only wait."""
FOLDER = ROOT / "docs" / "permissions"
TABLES: Mapping[str, Table] = {"aws": aws.TABLE, "gcp": gcp.TABLE, "azure": azure.TABLE}
FILES = dict(file for cloud in (aws, gcp, azure) for file in cloud.list_files())


@dataclass(frozen=True)
class Seen:
    """The resources that the program registers on one cloud, and its look-ups."""

    resources: list[Registered]
    look_ups: set[str]

    @property
    def types(self) -> set[str]:
        """The types of resources and look-ups, without this project's components."""
        return {each.type for each in self.resources if not each.type.startswith("prediction-nodes:")} | self.look_ups


@pytest.fixture(params=TABLES, scope="module")
def cloud(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def seen(cloud: str, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Run the program with all features under mocks."""
    look_ups: set[str] = set()
    base: Any = importlib.import_module(f"docs.generate.mocks.{cloud}").Mocks

    class Mocks(base):  # type: ignore[misc]
        def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
            look_ups.add(args.token)
            return super().call(args)

    with pytest.MonkeyPatch.context() as patch:
        folder: Path = tmp_path_factory.mktemp(cloud)
        patch.chdir(folder)
        patch.setattr("providers.azure.login.exchange", lambda _server, _token: "planted-registry-token")
        recorder.make_model(folder)
        text = NODES.format(cloud=cloud, large=LARGE[cloud])
        resources, _ = recorder.register(Mocks(), text, "prediction-nodes", "dev")
    return Seen(resources, look_ups)


def test_every_type_that_the_program_registers_has_a_row(cloud: str, seen: Seen) -> None:
    unknown = sorted(seen.types - TABLES[cloud].keys())
    assert not unknown, (
        f"add a row to permissions/{cloud}.py for {', '.join(unknown)}: what who deploys must be allowed to do to look "
        "at it, make it, change it and delete it, with its source; then run this test with PNODES_REWRITE_PAGES=1"
    )


def test_every_row_is_of_a_type_that_the_program_registers(cloud: str, seen: Seen) -> None:
    rows = {each for each in TABLES[cloud] if not each.startswith("pnodes ")}
    assert rows - seen.types == set(), f"rows of permissions/{cloud}.py that give rights to nothing"


@pytest.mark.parametrize(("name", "text"), FILES.items(), ids=FILES)
def test_the_file_is_what_the_table_says(name: str, text: str) -> None:
    path = FOLDER / name
    if os.environ.get("PNODES_REWRITE_PAGES"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, f"{name}: PNODES_REWRITE_PAGES=1 writes it anew"


def test_there_are_no_other_files() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(FILES)


def test_each_way_has_more_rights_than_the_one_before(cloud: str) -> None:
    preview, drift, up = (set(list_actions(TABLES[cloud], way)) for way in Way)
    assert preview < drift < up


def test_every_row_names_its_source(cloud: str) -> None:
    for type_, row in TABLES[cloud].items():
        assert row.source, type_
        assert bool(row.actions(Way.UP)) == (type_ not in WITHOUT_CALLS), type_
        own = ("providers/", "operations/", "doctor/")
        assert not row.source.startswith(own) or (ROOT / row.source).is_file(), row.source


@pytest.mark.parametrize("cloud", ["gcp"], indirect=True)
def test_only_what_the_condition_names_is_granted_on_a_google_project(seen: Seen) -> None:
    granted = {each.inputs["role"] for each in seen.resources if each.type == "gcp:projects/iAMMember:IAMMember"}
    assert granted == set(gcp.GRANTED)


@pytest.mark.parametrize("cloud", ["azure"], indirect=True)
def test_the_condition_of_azure_lets_through_what_the_program_assigns(seen: Seen) -> None:
    given = [each.inputs for each in seen.resources if each.type.endswith(":RoleAssignment")]
    assert {each["principalType"] for each in given} == {"ServicePrincipal"}
    assert not [each for each in given if each["roleDefinitionId"].rsplit("/", 1)[-1] in azure.build_condition()]


def test_azure_may_switch_on_just_the_services_that_the_program_switches_on() -> None:
    registering = {
        each.split("/")[0] for each in list_actions(azure.TABLE, Way.UP) if each.endswith("/register/action")
    }
    assert registering == set(SERVICES)


def test_azure_lets_who_deploys_ask_how_what_takes_long_ended() -> None:
    up = {each.lower() for each in list_actions(azure.TABLE, Way.UP)}
    at_once = {"authorization", "insights", "managedidentity", "storage"}
    for type_, row in azure.TABLE.items():
        service = row.create.split("/")[0].removeprefix("Microsoft.").lower()
        if type_.startswith("azure-native:") and row.create and service not in at_once:
            outcomes = [
                each
                for each in up
                if re.match(rf"microsoft.{service}/(locations/|.*operation(results|statuses)/)", each)
            ]
            assert outcomes, f"{type_} is made or deleted in more than one answer, whose end nobody may read"
