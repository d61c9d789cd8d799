"""The archive is small, complete and the same byte for byte on every machine and at any time."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import zipfile

import pytest

from providers.aws import archive as aws
from providers.azure import archive as azure
from providers.gcp import archive as gcp

ARCHIVES = {"aws": aws.ARCHIVE, "gcp": gcp.ARCHIVE, "azure": azure.ARCHIVE}
ENTRIES = {"aws": "index.py", "gcp": "main.py", "azure": "function_app.py"}


@pytest.mark.parametrize("cloud", ARCHIVES)
def test_the_bytes_do_not_depend_on_hash_seed_and_time_zone(cloud: str) -> None:
    code = f"import sys; from providers.{cloud}.archive import ARCHIVE; sys.stdout.buffer.write(ARCHIVE.package())"
    env = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    other = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout
    assert other == ARCHIVES[cloud].package()


@pytest.mark.parametrize("cloud", ARCHIVES)
def test_it_contains_the_core_and_one_entry_and_is_small(cloud: str) -> None:
    with zipfile.ZipFile(io.BytesIO(ARCHIVES[cloud].package())) as bundle:
        names = bundle.namelist()
        modes = {info.external_attr >> 16 for info in bundle.infolist()}
        for name in names:
            if name.endswith(".py"):
                ast.parse(bundle.read(name))
    assert {ENTRIES[cloud], "trigger/core.py"} <= set(names)
    assert not set(ENTRIES.values()) - {ENTRIES[cloud]} & set(names)
    assert modes == {0o100644}
    assert len(ARCHIVES[cloud].package()) < 64 * 1024


@pytest.mark.parametrize("cloud", ARCHIVES)
def test_it_contains_the_modules_that_are_imported_also_late_and_no_others(cloud: str) -> None:
    files = ARCHIVES[cloud].files()
    trees = [ast.parse(text) for name, text in files.items() if name.endswith(".py")]
    nodes = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    modules = {alias.name for node in nodes if node.module == "trigger" for alias in node.names}
    modules |= {node.module[8:] for node in nodes if node.module and node.module.startswith("trigger.")}
    assert {f"trigger/{name}.py" for name in (*modules, "__init__")} == {name for name in files if "/" in name}


def test_each_cloud_has_its_own_digest() -> None:
    assert len({archive.digest() for archive in ARCHIVES.values()}) == 3
    assert not [archive for archive in ARCHIVES.values() if len(archive.digest()) != 64]


@pytest.mark.parametrize("cloud", ARCHIVES)
def test_no_file_is_empty(cloud: str) -> None:
    assert not [text for text in ARCHIVES[cloud].files().values() if not text.strip()]


def test_azures_host_does_not_log_addresses_which_contain_the_token() -> None:
    host = json.loads(ARCHIVES["azure"].files()["host.json"])
    options = host["logging"]["applicationInsights"]["httpAutoCollectionOptions"]
    assert options == {"enableHttpTriggerExtendedInfoCollection": False}
