"""`pnodes doctor` at the shell: which systems it queries, text, JSON and exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pnodes import engine
from pnodes.cli.main import app
from pnodes.doctor import numerai, plugins
from pnodes.pulumi import Pulumi
from providers.clouds import list_clouds
from providers.findings import Finding, Place, failed, ok, warning
from providers.operations import NoCredentials
from tests.pnodes.doctor.engines import ENGINE, FakeEngine

NODES = """\
nodes:
  alpha:
    model: 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01
    cloud: {cloud}
    source: model
"""


class Ward:
    """A project whose engine, clouds and Numerai give the answers that a test sets; `asked`: the queried clouds."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.said, self.asked = folder, FakeEngine(), list[str]()
        self.finding: Finding | Exception = ok("credentials", "account 1.")
        (folder / "Pulumi.yaml").write_text("name: prediction-nodes\nruntime: python\n")
        (folder / "model").mkdir()
        (folder / "model" / "Dockerfile").write_text("FROM scratch\n")
        self.nodes("aws")
        monkeypatch.chdir(folder)
        monkeypatch.setattr(engine, "find", lambda: ENGINE)
        monkeypatch.setattr(Pulumi, "run", lambda _self, *words, value="": self.said.run(*words, value=value))
        monkeypatch.setattr(plugins, "examine", lambda names, _: [ok(f"plugin {name}", "there.") for name in names])
        monkeypatch.setattr(numerai, "examine", lambda *_: [ok("keys", "they are of anna.")])
        for cloud in list_clouds():
            monkeypatch.setattr(type(cloud), "examine", lambda _, place: self._examine(place))

    def nodes(self, cloud: str) -> None:
        (self.folder / "nodes.yaml").write_text(NODES.format(cloud=cloud))

    def _examine(self, place: Place) -> Iterator[Finding]:
        self.asked.append(place.cloud)
        if isinstance(self.finding, Exception):
            raise self.finding
        yield self.finding

    def doctor(self, *arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["doctor", *arguments])
        assert done.exit_code == code, done.output
        return done.stdout


@pytest.fixture
def ward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ward:
    return Ward(tmp_path, monkeypatch)


def test_only_the_clouds_of_nodes_yaml_are_asked(ward: Ward) -> None:
    ward.nodes("gcp")
    shown = ward.doctor()
    assert ward.asked == ["gcp"]
    assert "Google Cloud, us-central1\n  ok          credentials: account 1." in shown
    assert "AWS" not in shown


def test_warnings_do_not_fail(ward: Ward) -> None:
    ward.finding = warning("quota", "[some] wait.", "aws more")
    shown = ward.doctor()
    assert "  warning     quota: [some] wait.\n              -> aws more\n" in shown
    assert "1 warning" in shown.splitlines()[-1]


def test_a_failure_ends_with_1_and_is_in_the_json(ward: Ward) -> None:
    ward.finding = failed("quota", "none.", "aws more")
    assert "1 failed" in ward.doctor(code=1).splitlines()[-1]
    report = json.loads(ward.doctor("--json", code=1))
    assert report["ok"] is False
    cloud = next(each for each in report["sections"] if each["title"] == "AWS, us-east-1")
    assert cloud["findings"] == [{"check": "quota", "level": "failed", "text": "none.", "mend": "aws more"}]
    ward.finding = ok("quota", "much.")
    assert json.loads(ward.doctor("--json"))["ok"] is True


def test_missing_credentials_are_told_with_how_to_sign_in(ward: Ward) -> None:
    ward.nodes("azure")
    ward.finding = NoCredentials("There are no usable Azure credentials.")
    shown = ward.doctor(code=1)
    assert "failed      credentials: There are no usable Azure credentials.\n              -> az login" in shown


def test_without_the_stack_s_secrets_nothing_is_asked_with_wrong_settings(ward: Ward) -> None:
    ward.said = FakeEngine(config__json=(255, "error: incorrect passphrase"))
    shown = ward.doctor(code=1)
    assert not ward.asked
    assert "not checked credentials: the stack's settings could not be read, see above." in shown


def test_mistakes_in_nodes_yaml_are_failures_with_their_lines(ward: Ward) -> None:
    ward.nodes("asw")
    shown = ward.doctor(code=1)
    assert "nodes.yaml:4:12:" in shown
    assert "-> pnodes validate" in shown
    assert not ward.asked
