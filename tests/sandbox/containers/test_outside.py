"""The pip settings and certificate authorities that a build gets from this machine."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sandbox.containers import outside
from sandbox.containers.outside import Outside


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Provide a machine without settings."""
    monkeypatch.setattr(outside, "_SETTINGS", (str(tmp_path / "pip.conf"),))
    monkeypatch.setattr(outside, "_ANCHORS", (str(tmp_path / "anchors"),))


def test_a_machine_without_settings_gives_a_build_nothing(tmp_path: Path) -> None:
    settings = outside.read_machine({"PATH": "/bin"})
    assert (settings, settings.secrets(tmp_path)) == (Outside({}, None), {})
    assert outside.mounts({}) == []


def test_settings_come_from_files_and_variables_take_precedence(tmp_path: Path) -> None:
    (tmp_path / "pip.conf").write_text(
        "[global]\nindex-url = https://user:pass@a.example/simple\nfind-links = /opt/wheels\n[install]\n"
        "extra-index-url =\n  https://b.example\n  https://c.example\n"
    )
    machine = outside.read_machine({"PIP_INDEX_URL": "https://d.example", "PIP_NO_CACHE_DIR": "1"})
    # A folder of this machine (find-links) does not exist in a build.
    assert machine.settings == {
        "index-url": "https://d.example",
        "extra-index-url": "https://b.example https://c.example",
    }


def test_the_bundle_is_the_one_that_pip_uses_or_an_extended_system_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, system = tmp_path / "own.pem", tmp_path / "system.pem"
    own.touch()
    system.touch()
    monkeypatch.setattr(outside, "_BUNDLES", (str(system),))
    assert outside.read_machine({"SSL_CERT_FILE": str(own)}).bundle == own
    assert outside.read_machine({"SSL_CERT_FILE": str(tmp_path / "gone")}).bundle is None
    (tmp_path / "anchors").mkdir()
    (tmp_path / "anchors" / "company.crt").touch()
    assert outside.read_machine({}).bundle == system


def test_the_settings_file_is_private_and_contains_the_bundles_path_in_the_build(tmp_path: Path) -> None:
    bundle = tmp_path / "own.pem"
    secrets = Outside({"index-url": "https://user:pass@a.example/simple"}, bundle).secrets(tmp_path)
    text = secrets["pip"].read_text()
    assert stat.S_IMODE(secrets["pip"].stat().st_mode) == 0o600
    assert text == "[global]\nindex-url = https://user:pass@a.example/simple\ncert = /etc/pip-ca.pem\n"
    assert secrets["ca"] == bundle
    assert [mount.split("target=")[1] for mount in outside.mounts(secrets)] == [
        "/etc/pip.conf,mode=0444",
        "/etc/pip-ca.pem,mode=0444",
    ]


def test_proxies_are_passed_by_name() -> None:
    env = {"HTTPS_PROXY": "http://user:pass@proxy", "NO_PROXY": ""}
    assert outside.proxies(env) == ["--build-arg=HTTPS_PROXY"]
