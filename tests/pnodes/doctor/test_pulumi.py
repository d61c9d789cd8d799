"""The doctor's findings about the engine and the stack, with a fake engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pnodes.doctor import pulumi
from pnodes.engine.locate import Rejected
from providers.findings import Finding, Level
from tests.pnodes.doctor.engines import FakeEngine
from tests.providers.patients import levels, only


def examine(engine: FakeEngine | None, stack: str | None = None) -> tuple[list[Finding], pulumi.OpenStack]:
    opened = pulumi.OpenStack("prediction-nodes")
    return list(pulumi.examine(opened, engine, stack)), opened


def test_all_checks_pass_and_the_stack_is_open() -> None:
    engine = FakeEngine(config__json=(0, {"aws:profile": {"value": "fund", "secret": False}}))
    findings, stack = examine(engine)
    assert set(levels(findings).values()) == {Level.OK}
    assert only(findings, "backend").text == "logged in to s3://state."
    assert (stack.name, stack.opened, stack.configured("aws:profile")) == ("live", True, "fund")
    assert list(stack.nodes) == ["alpha"]


def test_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Rejected(Path("/usr/bin/pulumi"), "it is 3.1.0, and 3.259.0 or newer is needed")
    monkeypatch.setattr(pulumi, "on_path", lambda: old)
    (finding,), stack = examine(None)
    assert (finding.level, finding.mend, stack.opened) == (Level.FAILED, "pnodes engine", False)
    assert "/usr/bin/pulumi is not used: it is 3.1.0" in finding.text


@pytest.mark.parametrize(
    ("answers", "check", "mend"),
    [
        ({"whoami": (3, "error: PULUMI_ACCESS_TOKEN must be set for login")}, "backend", "pulumi login"),
        ({"whoami": (1, 'error: unable to open state directory "file:///x"')}, "backend", "pulumi login URL"),
        ({"stack__show-name": (1, "error: no stack selected; please use")}, "stack", "pulumi stack select NAME"),
        ({"stack__show-name": (255, "error: it is on fire")}, "stack", "pulumi stack ls"),
        ({"stack_export": (255, "error: failed to load checkpoint: EOF")}, "state", "pnodes repair"),
        ({"stack__show-name": (255, "error: failed to load checkpoint: EOF")}, "stack", "pnodes repair"),
        ({"config__json": (255, "error: passphrase must be set with")}, "secrets", "export PULUMI_CONFIG_PASSPHRASE"),
        ({"stack_output": (255, "error: incorrect passphrase")}, "secrets", "export PULUMI_CONFIG_PASSPHRASE"),
        ({"config_set": (255, "error: incorrect passphrase")}, "secrets", "export PULUMI_CONFIG_PASSPHRASE"),
        ({"config__json": (255, "error: AccessDenied: kms")}, "secrets", "pulumi config --show-secrets"),
    ],
)
def test_the_first_failure_ends_the_checks_and_has_a_command(answers: dict[str, Any], check: str, mend: str) -> None:
    findings, stack = examine(FakeEngine(**answers))
    assert [finding.check for finding in findings if finding.level is Level.FAILED] == [check]
    assert findings[-1].check == check
    assert findings[-1].mend.startswith(mend)
    assert not stack.opened


def test_a_named_stack_that_does_not_exist() -> None:
    engine = FakeEngine(**{"stack__show-name": (6, "error: no stack named 'live' found")})
    findings, _ = examine(engine, stack="live")
    assert only(findings, "stack").mend == "pulumi stack init live"
    assert ("stack", "--show-name", "--stack", "live") in engine.commands


def test_the_probe_is_encrypted_into_a_copy_of_the_settings_only(tmp_path: Path) -> None:
    own = tmp_path / "Pulumi.live.yaml"
    own.write_text("encryptionsalt: v1:x\n")
    seen: list[str] = []

    class RecordingEngine(FakeEngine):
        def run(self, *arguments: str, value: str = "") -> Any:
            if arguments[:2] == ("config", "set"):
                seen.append(Path(arguments[arguments.index("--config-file") + 1]).read_text())
                assert value, "the value is passed on standard input"
            return super().run(*arguments, value=value)

    engine = RecordingEngine()
    engine.folder = tmp_path
    examine(engine)
    assert seen == ["encryptionsalt: v1:x\n"]
    assert [path.name for path in tmp_path.iterdir()] == ["Pulumi.live.yaml"]


def test_a_key_in_plain_text_is_a_failure() -> None:
    config = {"prediction-nodes:numerai-secret": {"value": "SECRET", "secret": False}}
    findings, _ = examine(FakeEngine(config__json=(0, config)))
    (bad,) = [finding for finding in findings if finding.level is Level.FAILED]
    assert bad.mend.startswith("pulumi config set --secret numerai-secret")
    assert "SECRET" not in bad.text


def test_nothing_is_deployed_yet() -> None:
    findings, _ = examine(FakeEngine(stack_output=(0, {})))
    assert (only(findings, "deployed").level, only(findings, "deployed").mend) == (Level.WARNING, "pulumi up")


def test_creations_that_were_interrupted_are_a_failure() -> None:
    urn = "urn:pulumi:live::prediction-nodes::aws:sqs/queue:Queue::prediction-nodes-us-east-1"
    queue = {"urn": urn, "type": "aws:sqs/queue:Queue", "inputs": {"region": "us-east-1"}}
    pending = [{"type": "creating", "resource": queue}, {"type": "updating", "resource": queue}]
    findings, stack = examine(FakeEngine(stack_export=(0, {"deployment": {"pending_operations": pending}})))
    assert (only(findings, "state").level, only(findings, "state").mend.split("  ")[0]) == (
        Level.FAILED,
        "pnodes repair",
    )
    assert only(findings, "state").text == (
        "an `up` was interrupted, and 1 creation may have taken place: "
        "aws:sqs/queue:Queue prediction-nodes-us-east-1 in us-east-1."
    )
    assert stack.opened, "the other checks go on"
