"""A run's keys come from the environment, otherwise from the stack's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodefile import load
from pnodes.errors import UserError
from pnodes.local import keys, settings
from pnodes.local.variables import Account
from tests.pnodes.local.project import MODEL_ID, Project

PULUMI = """\
#!/bin/sh
case "$*" in
    version) echo v3.272.0 ;;
    "config get numerai-public-id --stack live --non-interactive") echo CONFIGURED-ID ;;
    "config get numerai-secret --stack live --non-interactive") echo CONFIGURED-KEY ;;
    "config get EODHD_TOKEN --stack live --non-interactive") echo CONFIGURED-TOKEN ;;
    *) echo "error: configuration key 'numerai-public-id' not account for stack 'dev'" >&2; exit 255 ;;
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


def find_account(project: Project, environ: dict[str, str], stack: str | None = None) -> Account:
    (node,) = load(project.folder / "nodes.yaml").nodes
    return keys.find_account(node, True, {"PATH": "/usr/bin:/bin", **environ}, project.folder, stack, print)


def test_the_environment_comes_first(project: Project, pulumi: Path) -> None:
    account = find_account(project, {"NUMERAI_PUBLIC_ID": "A", "NUMERAI_SECRET_KEY": "B"}, "live")
    assert (account.model_id, account.public_id, account.secret_key, account.submits) == (MODEL_ID, "A", "B", True)


def test_the_stack_s_configuration_comes_second(project: Project, pulumi: Path) -> None:
    account = find_account(project, {"NUMERAI_PUBLIC_ID": "half of a pair"}, "live")
    assert (account.public_id, account.secret_key) == ("CONFIGURED-ID", "CONFIGURED-KEY")


def test_another_account_has_its_own_keys(project: Project, pulumi: Path) -> None:
    project.node(account="second")
    environ = {"NUMERAI_PUBLIC_ID": "A", "NUMERAI_SECRET_KEY": "B"}
    with pytest.raises(UserError, match=r"of the account second is not set.*Pulumi says: configuration key"):
        find_account(project, environ)
    account = find_account(project, {"NUMERAI_PUBLIC_ID_SECOND": "C", "NUMERAI_SECRET_KEY_SECOND": "D"})
    assert (account.public_id, account.secret_key) == ("C", "D")


def test_an_account_s_text_contains_no_keys(project: Project) -> None:
    account = find_account(project, {"NUMERAI_PUBLIC_ID": "AAAA", "NUMERAI_SECRET_KEY": "BBBB"})
    assert "BBBB" not in repr(account)


def find_secrets(project: Project, environ: dict[str, str], stack: str | None = None) -> dict[str, str]:
    (node,) = load(project.folder / "nodes.yaml").nodes
    return settings.find_secrets(node, {"PATH": "/usr/bin:/bin", **environ}, project.folder, stack)


def test_own_secrets_come_from_the_environment_or_the_stack(project: Project, pulumi: Path) -> None:
    assert find_secrets(project, {"EODHD_TOKEN": "unused"}) == {}
    project.node(secrets="[EODHD_TOKEN, TIINGO_KEY]")
    assert find_secrets(project, {"TIINGO_KEY": "A"}, "live") == {"EODHD_TOKEN": "CONFIGURED-TOKEN", "TIINGO_KEY": "A"}
    with pytest.raises(UserError) as caught:
        find_secrets(project, {"TIINGO_KEY": "A"})
    assert str(caught.value).startswith(
        "the secret EODHD_TOKEN of alice is not set: expected it in this stack's configuration (pulumi config set "
        "--secret EODHD_TOKEN) or in the environment. Pulumi says: "
    )


def test_a_model_reads_its_secrets_and_no_other_variables(project: Project) -> None:
    project.node(secrets="[EODHD_TOKEN]")
    project.write(predict="import os\nprint(os.environ['EODHD_TOKEN'][::-1], os.environ.get('TIINGO_KEY'))\n")
    project.env |= {"EODHD_TOKEN": "nekot", "TIINGO_KEY": "none of the node's"}
    done = project.run("--command", "python predict.py")
    assert done.stdout == "token None\n", done.stderr
