"""A build context: Docker's own ignore rules, one digest for one content, and no keys in what is sent."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest

from providers import context
from providers.context import BuildContext, ContextError


def make(root: Path, **files: str) -> BuildContext:
    for name, text in {"Dockerfile": "FROM scratch\n", **files}.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return BuildContext(root, root / "Dockerfile")


def names(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as bundle:
        return bundle.getnames()


def test_ignored_files_stay_out_and_exceptions_come_back(tmp_path: Path) -> None:
    made = make(
        tmp_path,
        **{".dockerignore": "# models are large\n*.bin\n!keep.bin\ndata\n!data/small.csv\n**/__pycache__\n"},
        **{
            "a.bin": "",
            "keep.bin": "",
            "main.py": "",
            "data__big.csv": "",
            "data__small.csv": "",
        },
    )
    (tmp_path / "pkg" / "__pycache__").mkdir(parents=True)
    (tmp_path / "pkg" / "__pycache__" / "m.pyc").write_text("")
    assert made.files == [".dockerignore", "Dockerfile", "data/small.csv", "keep.bin", "main.py"]
    assert [name for name in names(made.archive()) if "pyc" in name] == []


def test_what_pnodes_keeps_beside_the_node_file_is_not_sent(tmp_path: Path) -> None:
    made = make(tmp_path, main__py="", **{".pnodes__alice__predictions.csv": "id,prediction\n"})
    assert not [name for name in made.files if ".pnodes" in name]


def test_the_dockerfiles_own_ignore_file_wins(tmp_path: Path) -> None:
    made = make(tmp_path, **{".dockerignore": "a.py\n", "Dockerfile.dockerignore": "b.py\n", "a.py": "", "b.py": ""})
    assert "a.py" in made.files
    assert "b.py" not in made.files


def test_the_dockerfile_is_sent_even_when_it_is_ignored(tmp_path: Path) -> None:
    assert "Dockerfile" in make(tmp_path, **{".dockerignore": "*\n", "a.py": ""}).files


def test_one_content_is_one_archive_whatever_dates_owners_and_umask(tmp_path: Path) -> None:
    first = make(tmp_path / "one", **{"main.py": "1", "sub__b.py": "2"})
    second = make(tmp_path / "two", **{"sub__b.py": "2", "main.py": "1"})
    os.utime(second.root / "main.py", (0, 0))
    (second.root / "main.py").chmod(0o600)
    assert first.digest == second.digest
    assert first.archive() == second.archive()


@pytest.mark.parametrize("change", ["content", "name", "mode", "dockerfile", "link"])
def test_whatever_the_image_could_see_changes_the_digest(tmp_path: Path, change: str) -> None:
    before = make(tmp_path, **{"main.py": "1"}).digest
    main = tmp_path / "main.py"
    if change == "content":
        main.write_text("2")
    elif change == "name":
        main.rename(tmp_path / "other.py")
    elif change == "mode":
        main.chmod(0o755)
    elif change == "dockerfile":
        (tmp_path / "Dockerfile").write_text("FROM other\n")
    else:
        (tmp_path / "link").symlink_to("main.py")
    assert BuildContext(tmp_path, tmp_path / "Dockerfile").digest != before


def test_an_ignored_file_does_not_change_the_digest(tmp_path: Path) -> None:
    before = make(tmp_path, **{".dockerignore": "*.log\n"}).digest
    assert make(tmp_path, **{"x.log": "1"}).digest == before


def test_links_are_sent_as_links_and_two_names_of_a_file_as_two_files(tmp_path: Path) -> None:
    made = make(tmp_path, **{"main.py": "text"})
    (tmp_path / "link").symlink_to("main.py")
    os.link(tmp_path / "main.py", tmp_path / "zwilling.py")
    with tarfile.open(fileobj=io.BytesIO(made.archive())) as bundle:
        assert bundle.getmember("link").linkname == "main.py"
        handle = bundle.extractfile("zwilling.py")
        assert handle is not None
        assert handle.read() == b"text"


@pytest.mark.parametrize("name", [".env", "sub__.env", ".numerai__.keys", "id_rsa"])
def test_keys_are_refused_unless_ignored(tmp_path: Path, name: str) -> None:
    made = make(tmp_path, **{name: "NUMERAI_SECRET_KEY=planted"})
    with pytest.raises(ContextError, match="would be sent to the image builder") as caught:
        made.check()
    assert "planted" not in str(caught.value)
    make(tmp_path, **{".dockerignore": "**/.env\n.numerai\nid_rsa\n"})
    BuildContext(tmp_path, tmp_path / "Dockerfile").check()


def test_an_absurd_context_is_refused_with_its_largest_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "MAX_CONTEXT_BYTES", 2**20)
    made = make(tmp_path, **{"small.bin": "x", "large.bin": "x" * 2 * 2**20})
    with pytest.raises(
        ContextError, match=r"has 2 MiB, at most 1 MiB are sent\. Its largest files: large\.bin \(2 MiB\)"
    ):
        made.check()
