"""What the doctor makes of the engine and the stack, with faked answers of the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pnodes.doctor import pulumi
from pnodes.engine.locate import Rejected
from providers.findings import Finding, Level
from tests.pnodes.doctor.engines import Said
from tests.providers.patients import levels, only


def examined(said: Said | None, stack: str | None = None) -> tuple[list[Finding], pulumi.OpenStack]:
    opened = pulumi.OpenStack("prediction-nodes")
    return list(pulumi.examine(opened, said, stack)), opened


def test_all_is_well_and_the_stack_is_open() -> None:
    said = Said(config__json=(0, {"aws:profile": {"value": "fund", "secret": False}}))
    found, stack = examined(said)
    assert set(levels(found).values()) == {Level.OK}
    assert only(found, "backend").text == "logged in to s3://state."
    assert (stack.name, stack.opened, stack.configured("aws:profile")) == ("live", True, "fund")
    assert list(stack.nodes) == ["alpha"]


def test_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Rejected(Path("/usr/bin/pulumi"), "it is 3.1.0, and 3.259.0 or newer is needed")
    monkeypatch.setattr(pulumi, "on_path", lambda: old)
    (found,), stack = examined(None)
    assert (found.level, found.mend, stack.opened) == (Level.FAILED, "pnodes engine", False)
    assert "/usr/bin/pulumi is not used: it is 3.1.0" in found.text


@pytest.mark.parametrize(
    ("said", "check", "mend"),
    [
        ({"whoami": (3, "error: PULUMI_ACCESS_TOKEN must be set for login")}, "backend", "pulumi login"),
        ({"whoami": (1, 'error: unable to open state directory "file:///x"')}, "backend", "pulumi login URL"),
        ({"stack__show-name": (1, "error: no stack selected; please use")}, "stack", "pulumi stack select NAME"),
        ({"stack__show-name": (255, "error: it is on fire")}, "stack", "pulumi stack ls"),
        ({"config__json": (255, "error: passphrase must be set with")}, "secrets", "export PULUMI_CONFIG_PASSPHRASE"),
        ({"stack_output": (255, "error: incorrect passphrase")}, "secrets", "export PULUMI_CONFIG_PASSPHRASE"),
        ({"config_set": (255, "error: incorrect passphrase")}, "secrets", "export PULUMI_CONFIG_PASSPHRASE"),
        ({"config__json": (255, "error: AccessDenied: kms")}, "secrets", "pulumi config --show-secrets"),
    ],
)
def test_each_step_that_fails_is_the_last_and_has_its_command(said: dict[str, Any], check: str, mend: str) -> None:
    found, stack = examined(Said(**said))
    assert [each.check for each in found if each.level is Level.FAILED] == [check]
    assert found[-1].check == check
    assert found[-1].mend.startswith(mend)
    assert not stack.opened


def test_a_stack_that_was_named_and_is_not_there() -> None:
    said = Said(**{"stack__show-name": (6, "error: no stack named 'live' found")})
    found, _ = examined(said, stack="live")
    assert only(found, "stack").mend == "pulumi stack init live"
    assert ("stack", "--show-name", "--stack", "live") in said.asked


def test_a_word_is_encrypted_into_a_copy_of_the_settings_only(tmp_path: Path) -> None:
    own = tmp_path / "Pulumi.live.yaml"
    own.write_text("encryptionsalt: v1:x\n")
    seen: list[str] = []

    class Reads(Said):
        def run(self, *arguments: str, value: str = "") -> Any:
            if arguments[:2] == ("config", "set"):
                seen.append(Path(arguments[arguments.index("--config-file") + 1]).read_text())
                assert value, "on the standard input"
            return super().run(*arguments, value=value)

    said = Reads()
    said.folder = tmp_path
    examined(said)
    assert seen == ["encryptionsalt: v1:x\n"]
    assert [path.name for path in tmp_path.iterdir()] == ["Pulumi.live.yaml"]


def test_a_key_in_plain_text_is_a_failure() -> None:
    config = {"prediction-nodes:numerai-secret": {"value": "SECRET", "secret": False}}
    found, _ = examined(Said(config__json=(0, config)))
    (bad,) = [each for each in found if each.level is Level.FAILED]
    assert bad.mend.startswith("pulumi config set --secret numerai-secret")
    assert "SECRET" not in bad.text


def test_nothing_is_deployed_yet() -> None:
    found, _ = examined(Said(stack_output=(0, {})))
    assert (only(found, "deployed").level, only(found, "deployed").mend) == (Level.WARNING, "pulumi up")
