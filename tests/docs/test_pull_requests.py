"""docs/pull-requests.md: its scripts have valid syntax and set everything that the workflows read."""

from __future__ import annotations

import re
import subprocess

from pnodes.engine.paths import ROOT

PAGE = (ROOT / "docs" / "pull-requests.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
FILES = "".join(path.read_text() for path in sorted((ROOT / ".github").rglob("*.yml")))


def test_every_variable_and_secret_of_the_workflows_is_set_on_the_page() -> None:
    read = set(re.findall(r"\bvars\.([A-Z_]+)", FILES)) | set(re.findall(r"\bsecrets\.([A-Z_]+)", FILES))
    documented = set(re.findall(r"(?:variable|secret)? set ([A-Z_]+)", PAGE))
    assert documented == read


def test_the_scripts_have_valid_syntax() -> None:
    assert len(SCRIPTS) >= 6
    for script in SCRIPTS:
        done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        assert not done.stderr, done.stderr


def test_the_subjects_of_the_workflows_are_trusted() -> None:
    subjects = set(re.findall(r'"\$SUBJECT:([^"]+)"', PAGE))
    assert subjects == {"pull_request", "ref:refs/heads/main", "environment:production"}
    assert "environment: production" in (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
    for name in ("drift.yml", "rounds.yml"):
        assert "environment:" not in (ROOT / ".github" / "workflows" / name).read_text()
