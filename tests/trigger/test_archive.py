"""The archive is a few kilobytes and the same byte for byte wherever and whenever it is made."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import zipfile

import pytest

from trigger import archive

CLOUDS = ["aws", "gcp", "azure"]
ENTRIES = {"aws": "index.py", "gcp": "main.py", "azure": "function_app.py"}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_another_process_with_another_hash_seed_and_time_zone_makes_the_same_bytes(cloud: str) -> None:
    code = f"import sys; from trigger import archive; sys.stdout.buffer.write(archive.package({cloud!r}))"
    env = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"}
    other = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, check=True).stdout
    assert other == archive.package(cloud)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_it_holds_the_core_and_one_entry_and_stays_small(cloud: str) -> None:
    with zipfile.ZipFile(io.BytesIO(archive.package(cloud))) as bundle:
        names = bundle.namelist()
        modes = {info.external_attr >> 16 for info in bundle.infolist()}
        for name in names:
            if name.endswith(".py"):
                ast.parse(bundle.read(name))
    assert {ENTRIES[cloud], "core.py"} <= set(names)
    assert not set(ENTRIES.values()) - {ENTRIES[cloud]} & set(names)
    assert modes == {0o100644}
    assert len(archive.package(cloud)) < 16 * 1024


def test_the_digest_tells_clouds_apart_and_is_that_of_the_text() -> None:
    assert len({archive.digest(cloud) for cloud in CLOUDS}) == 3
    assert all(len(archive.digest(cloud)) == 64 for cloud in CLOUDS)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_no_file_is_empty(cloud: str) -> None:
    assert all(text.strip() for text in archive.files(cloud).values())


def test_azures_host_keeps_no_addresses_of_requests_which_hold_the_token() -> None:
    host = json.loads(archive.files("azure")["host.json"])
    options = host["logging"]["applicationInsights"]["httpAutoCollectionOptions"]
    assert options == {"enableHttpTriggerExtendedInfoCollection": False}
