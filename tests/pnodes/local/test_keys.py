"""Whose keys a run gets: the environment's, else the stack's, asked of the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodefile import load
from pnodes.local import keys
from pnodes.local.refused import CannotRun
from pnodes.local.variables import Account
from tests.pnodes.local.project import MODEL_ID, Project

PULUMI = """\
#!/bin/sh
case "$*" in
    version) echo v3.272.0 ;;
    "config get numerai-public-id --stack live --non-interactive") echo CONFIGURED-ID ;;
    "config get numerai-secret --stack live --non-interactive") echo CONFIGURED-KEY ;;
    *) echo "error: configuration key 'numerai-public-id' not found for stack 'dev'" >&2; exit 255 ;;
esac
"""


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "engine"
    folder.mkdir()
    for name in ("pulumi", "pulumi-language-python"):
        (folder / name).write_text(PULUMI)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def account(project: Project, environ: dict[str, str], stack: str | None = None) -> Account:
    (node,) = load(project.folder / "nodes.yaml").nodes
    return keys.account(node, True, {"PATH": "/usr/bin:/bin", **environ}, project.folder, stack, print)


def test_the_environment_comes_first(project: Project, pulumi: Path) -> None:
    found = account(project, {"NUMERAI_PUBLIC_ID": "A", "NUMERAI_SECRET_KEY": "B"}, "live")
    assert (found.model_id, found.public_id, found.secret_key, found.submits) == (MODEL_ID, "A", "B", True)


def test_else_the_stacks_configuration(project: Project, pulumi: Path) -> None:
    found = account(project, {"NUMERAI_PUBLIC_ID": "half of a pair"}, "live")
    assert (found.public_id, found.secret_key) == ("CONFIGURED-ID", "CONFIGURED-KEY")


def test_another_account_has_keys_of_its_own(project: Project, pulumi: Path) -> None:
    project.node(account="second")
    environ = {"NUMERAI_PUBLIC_ID": "A", "NUMERAI_SECRET_KEY": "B"}
    with pytest.raises(CannotRun, match=r"of the account second is not set.*Pulumi says: configuration key"):
        account(project, environ)
    found = account(project, {"NUMERAI_PUBLIC_ID_SECOND": "C", "NUMERAI_SECRET_KEY_SECOND": "D"})
    assert (found.public_id, found.secret_key) == ("C", "D")


def test_keys_are_not_in_a_text(project: Project) -> None:
    found = account(project, {"NUMERAI_PUBLIC_ID": "AAAA", "NUMERAI_SECRET_KEY": "BBBB"})
    assert "BBBB" not in repr(found)
