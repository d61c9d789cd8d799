"""The build context that a Dockerfile written for numerai-cli needs, and notes about its build."""

from __future__ import annotations

from pathlib import Path

import pytest

from pnodes.migrate import dockerfile
from tests.pnodes.migrate import old


def test_the_examples_of_numerai_cli_are_built_in_their_own_folder(tmp_path: Path) -> None:
    folder = old.model(tmp_path / "alpha")
    assert dockerfile.find_build(folder) == dockerfile.Build(folder, ())


@pytest.mark.parametrize(
    "line",
    ["COPY common/ /common/", "COPY --chown=1:1 common /c", 'COPY ["common", "/c"]', "ADD common/*.py /c/",
     "COPY common/a.py \\\n    common/b.py \\\n    /c/", "COPY /common /c"],
)  # fmt: skip
def test_what_only_a_folder_above_has_makes_it_the_context(tmp_path: Path, line: str) -> None:
    folder = old.model(tmp_path / "models" / "alpha", old.DOCKERFILE + line + "\n")
    (tmp_path / "models" / "common").mkdir()
    for name in ("a.py", "b.py"):
        (tmp_path / "models" / "common" / name).touch()
    built = dockerfile.find_build(folder)
    assert built.context == tmp_path / "models"
    assert "from models/, a parent of its own folder" in built.notes[0]


@pytest.mark.parametrize(
    "line",
    ["COPY . .", "COPY --from=builder /common /c", "ADD https://example.org/common /c", "# COPY common /c",
     "COPY $COMMON /c", "COPY predict.py requirements.txt /c/", "COPY <<EOF /c", "COPY 'common"],
)  # fmt: skip
def test_what_says_nothing_about_the_context(tmp_path: Path, line: str) -> None:
    folder = old.model(tmp_path / "alpha", old.DOCKERFILE + line + "\n")
    assert dockerfile.find_build(folder) == dockerfile.Build(folder, ())


def test_what_is_nowhere_is_said(tmp_path: Path) -> None:
    folder = old.model(tmp_path / "alpha", old.DOCKERFILE + "COPY gone.pkl .\n")
    built = dockerfile.find_build(folder)
    assert built.context == folder
    assert "copies gone.pkl, which is not in its folder: set `context`" in built.notes[0]


def test_a_build_that_uses_the_keys_is_said(tmp_path: Path) -> None:
    line = 'RUN NUMERAI_SECRET_KEY=$NUMERAI_SECRET_KEY python train.py "and more"\n'
    (note,) = dockerfile.find_build(old.model(tmp_path / "alpha", old.DOCKERFILE + line)).notes
    assert "builds do not get them here" in note


def test_a_context_that_would_be_refused_is_said_early(tmp_path: Path) -> None:
    folder = old.model(tmp_path / "alpha")
    (folder / ".env").write_text("NUMERAI_SECRET_KEY=...\n")
    (note,) = dockerfile.find_build(folder).notes
    assert note.startswith("`pulumi up` cannot build it yet: alpha/.env would be sent")
    (folder / ".dockerignore").write_text(".env\n")
    assert dockerfile.find_build(folder).notes == ()
