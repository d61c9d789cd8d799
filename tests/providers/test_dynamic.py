"""The references to our dynamic providers in states never change, and old references still resolve."""

from __future__ import annotations

import base64
import importlib
import subprocess
import sys
from typing import Any

import dill
import pytest
from pulumi import dynamic

from pnodes.engine.paths import ROOT
from providers.dynamic import IMPLEMENTATIONS
from providers.resource import Provider, Resource, build_reference
from tests.providers.references import OLD, names, old_reference


def implementation(kind: str) -> Any:
    module, name = IMPLEMENTATIONS[kind].split(":")
    return getattr(importlib.import_module(module), name)


def test_the_references_of_these_tests_are_those_of_real_states() -> None:
    """Compare with two deployed references: of commit 876a2ed, and of the first version of providers/dynamic.py."""
    old = "gASVKgAAAAAAAACMD251bWVyYWkud2ViaG9va5SMD1dlYmhvb2tQcm92aWRlcpSTlCmBlC4="
    new = "Y3Byb3ZpZGVycy5keW5hbWljCmxvYWRfcHJvdmlkZXIKKFZ3ZWJob29rCnRSLg=="
    assert base64.b64decode(old) == old_reference("numerai.webhook", "WebhookProvider")
    assert new == build_reference("webhook"), "this is in users' states and must not change"
    assert names(old) == ("numerai.webhook", "WebhookProvider")
    assert names(new) == ("providers.dynamic", "load_provider", "webhook")


@pytest.mark.parametrize("kind", IMPLEMENTATIONS)
def test_pulumi_s_host_makes_the_implementation_of_a_reference(kind: str) -> None:
    provider = dill.loads(base64.b64decode(build_reference(kind)))  # noqa: S301
    assert type(provider) is implementation(kind)
    assert isinstance(provider, Provider)


@pytest.mark.parametrize(("module", "name", "kind"), [(*old, kind) for old, kind in OLD.items()])
def test_an_old_reference_still_resolves(module: str, name: str, kind: str) -> None:
    provider = dill.loads(old_reference(module, name))  # noqa: S301
    assert type(provider) is implementation(kind), "make the old name resolve; providers/dynamic.py says why"


@pytest.mark.parametrize("name", ["numerai.webhook", "numerai.models"])
def test_a_module_that_moved_is_found_in_the_project_s_folder_alone(name: str) -> None:
    """Unpickle as in Pulumi's host: started in the folder, before any module of the project is imported."""
    code = f"import {name}, sys; print(sys.modules[{name!r}].__name__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"providers.{name}\n"


@pytest.mark.parametrize("kind", IMPLEMENTATIONS)
def test_every_implementation_compares_by_itself(kind: str) -> None:
    """Pulumi's default comparison would show a changed reference to the same provider as a change of each resource."""
    assert implementation(kind).diff is not dynamic.ResourceProvider.diff


def test_every_dynamic_resource_is_one_of_ours() -> None:
    """Pulumi's own class would store the name of the implementation's module in the state."""
    direct = [path for path in (ROOT / "providers").rglob("*.py") if "(dynamic.Resource" in path.read_text()]
    assert direct == [ROOT / "providers" / "resource.py"]
    assert issubclass(Resource, dynamic.Resource)


def test_settings_come_from_the_stack() -> None:
    provider = Provider()
    assert provider.setting("numerai-public-id") is None
    config = dynamic.Config({"prediction-nodes:numerai-public-id": "ID", "aws:profile": "work"}, "prediction-nodes")
    provider.configure(dynamic.ConfigureRequest(config))
    assert provider.setting("numerai-public-id") == "ID"
    assert provider.setting("aws:profile") == "work"
    assert provider.setting("aws:region") is None
