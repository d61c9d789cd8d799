"""A build context follows Docker's ignore rules, has one digest for the same content, and must not contain keys."""

from __future__ import annotations

import io
import os
import re
import subprocess
import tarfile
import tracemalloc
from pathlib import Path

import pytest

from providers.images import context
from providers.images.context import BuildContext, ContextError


def make(root: Path, **files: str) -> BuildContext:
    for name, text in {"Dockerfile": "FROM scratch\n", **files}.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return BuildContext(root, root / "Dockerfile")


def pack(build_context: BuildContext) -> bytes:
    buffer = io.BytesIO()
    assert build_context.pack(buffer) == build_context.digest
    return buffer.getvalue()


def list_names(archive: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as bundle:
        return bundle.getnames()


def test_ignored_files_are_left_out_and_exceptions_are_included(tmp_path: Path) -> None:
    build_context = make(
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
    assert build_context.files == [".dockerignore", "Dockerfile", "data/small.csv", "keep.bin", "main.py"]
    assert [name for name in list_names(pack(build_context)) if "pyc" in name] == []


def test_files_of_pnodes_next_to_nodes_yaml_are_not_sent(tmp_path: Path) -> None:
    build_context = make(tmp_path, main__py="", **{".pnodes__alice__predictions.csv": "id,prediction\n"})
    assert not [name for name in build_context.files if ".pnodes" in name]


def test_credentials_of_a_workflow_run_are_not_sent_and_do_not_change_the_digest(tmp_path: Path) -> None:
    build_context = make(tmp_path, main__py="")
    before = build_context.digest
    (tmp_path / "gha-creds-0123456789abcdef.json").write_text("{}")
    again = BuildContext(build_context.root, build_context.dockerfile)
    assert (again.digest, again.files) == (before, build_context.files)


def test_a_pattern_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    bad = make(tmp_path, **{"main.py": "", ".dockerignore": "a\n[z-a]\n"})
    with pytest.raises(
        ContextError, match=r"\.dockerignore has a pattern that cannot be read: \[z-a\] \(bad char.*remove"
    ):
        print(bad.digest)


def test_the_dockerfiles_own_ignore_file_has_priority(tmp_path: Path) -> None:
    build_context = make(
        tmp_path, **{".dockerignore": "a.py\n", "Dockerfile.dockerignore": "b.py\n", "a.py": "", "b.py": ""}
    )
    assert "a.py" in build_context.files
    assert "b.py" not in build_context.files


def test_the_dockerfile_is_sent_even_when_it_is_ignored(tmp_path: Path) -> None:
    assert "Dockerfile" in make(tmp_path, **{".dockerignore": "*\n", "a.py": ""}).files


def test_the_same_content_gives_the_same_archive_for_any_dates_owners_and_umask(tmp_path: Path) -> None:
    first = make(tmp_path / "one", **{"main.py": "1", "sub__b.py": "2"})
    second = make(tmp_path / "two", **{"sub__b.py": "2", "main.py": "1"})
    os.utime(second.root / "main.py", (0, 0))
    (second.root / "main.py").chmod(0o600)
    assert first.digest == second.digest
    assert pack(first) == pack(second)


@pytest.mark.parametrize("change", ["content", "name", "mode", "dockerfile", "link"])
def test_every_change_that_affects_the_image_changes_the_digest(tmp_path: Path, change: str) -> None:
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
    build_context = make(tmp_path, **{"main.py": "text"})
    (tmp_path / "link").symlink_to("main.py")
    os.link(tmp_path / "main.py", tmp_path / "twin.py")
    with tarfile.open(fileobj=io.BytesIO(pack(build_context))) as bundle:
        assert bundle.getmember("link").linkname == "main.py"
        handle = bundle.extractfile("twin.py")
        assert handle is not None
        assert handle.read() == b"text"


@pytest.mark.parametrize("name", [".env", "sub__.env", ".numerai__.keys", "id_rsa"])
def test_keys_are_rejected_unless_ignored(tmp_path: Path, name: str) -> None:
    build_context = make(tmp_path, **{name: "NUMERAI_SECRET_KEY=planted"})
    with pytest.raises(ContextError, match="would be sent to the image builder") as caught:
        build_context.check()
    assert "planted" not in str(caught.value)
    make(tmp_path, **{".dockerignore": "**/.env\n.numerai\nid_rsa\n"})
    BuildContext(tmp_path, tmp_path / "Dockerfile").check()


@pytest.mark.parametrize("ignore", [".dockerignore", "Dockerfile.dockerignore"])
@pytest.mark.parametrize("name", [".env", "sub__deep__.env", "sub__.numerai__.keys"])
def test_the_advice_about_a_key_works(tmp_path: Path, name: str, ignore: str) -> None:
    build_context = make(tmp_path, **{name: "NUMERAI_SECRET_KEY=planted", ignore: "# nothing yet\n"})
    with pytest.raises(ContextError) as caught:
        build_context.check()
    advice = re.search(r"Add (\S+) to (\S+);", str(caught.value))
    assert advice is not None
    assert advice[2] == f"{tmp_path.name}/{ignore}"
    make(tmp_path, **{ignore: f"{advice[1]}\n"})
    BuildContext(tmp_path, tmp_path / "Dockerfile").check()


def test_a_context_that_is_too_large_is_rejected_with_its_largest_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(context, "MAX_CONTEXT_BYTES", 2**20)
    build_context = make(tmp_path, **{"small.bin": "x", "large.bin": "x" * 2 * 2**20})
    with pytest.raises(
        ContextError, match=r"has 2 MiB, but the limit is 1 MiB\. Its largest files: large\.bin \(2 MiB\)"
    ):
        build_context.check()
    with pytest.raises(ContextError, match=r"or build it with Docker on your machine, which has no limit"):
        build_context.check()
    build_context.check(uploaded=False)


def extract(build_context: BuildContext, folder: Path) -> Path:
    """Extract the archive with GNU tar, which the builders use."""
    folder.mkdir()
    with (folder / "context.tar.gz").open("wb") as target:
        build_context.pack(target)
    subprocess.run(["tar", "-xzf", "context.tar.gz"], cwd=folder, check=True)
    return folder


def test_unusual_files_are_packed_unchanged(tmp_path: Path) -> None:
    build_context = make(tmp_path / "c", **{"run.sh": "x", "sub__a.py": "1"})
    (build_context.root / "run.sh").chmod(0o700)
    (build_context.root / "empty").mkdir()
    os.mkfifo(build_context.root / "pipe")
    for name, target in {"up": "../outside", "absolute": "/etc/hostname", "gone": "nothing", "folder": "sub"}.items():
        (build_context.root / name).symlink_to(target)
    unusual = os.fsdecode(b"caf\xe9 \n.txt")
    (build_context.root / unusual).write_text("latin")
    there = extract(build_context, tmp_path / "there")
    assert (there / unusual).read_text() == "latin"
    assert (there / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (there / "sub" / "a.py").stat().st_mode & 0o777 == 0o644
    assert list((there / "empty").iterdir()) == []
    assert [(there / name).readlink().as_posix() for name in ("up", "absolute", "gone", "folder")] == [
        "../outside",
        "/etc/hostname",
        "nothing",
        "sub",
    ]
    assert not (there / "pipe").exists()


def test_a_dockerfile_that_is_a_link_is_sent_as_a_file(tmp_path: Path) -> None:
    (tmp_path / "shared.Dockerfile").write_text("FROM scratch\nCOPY a /\n")
    root = tmp_path / "c"
    root.mkdir()
    (root / "Dockerfile").symlink_to("../shared.Dockerfile")
    build_context = BuildContext(root, root / "Dockerfile")
    before = build_context.digest
    assert (extract(build_context, tmp_path / "there") / "Dockerfile").read_text() == "FROM scratch\nCOPY a /\n"
    (tmp_path / "shared.Dockerfile").write_text("FROM other\n")
    assert BuildContext(root, root / "Dockerfile").digest != before


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_file_is_reported(tmp_path: Path) -> None:
    build_context = make(tmp_path, **{"secret.bin": "x"})
    (tmp_path / "secret.bin").chmod(0)
    with pytest.raises(ContextError, match=r"secret\.bin cannot be read \(Permission denied\).*\.dockerignore"):
        _ = build_context.digest


def test_a_file_that_vanishes_before_it_is_read_is_reported(tmp_path: Path) -> None:
    build_context = make(tmp_path, **{"a.bin": "x"})
    assert "a.bin" in build_context.files
    (tmp_path / "a.bin").unlink()
    with pytest.raises(ContextError, match=r"a\.bin cannot be read \(No such file"):
        _ = build_context.digest
    with pytest.raises(ContextError, match=r"a\.bin cannot be read"):
        build_context.pack(io.BytesIO())


SHARED = "FROM a\nARG SRC_PATH\nCOPY common/ common/\nCOPY $SRC_PATH/ .\n"


def test_only_the_used_files_of_a_shared_context_are_sent_and_hashed(tmp_path: Path) -> None:
    make(tmp_path, **{"common__c.py": "1", "m1__p.py": "1", "m2__p.py": "1", "big.bin": "x" * 999, ".env": "planted"})
    for name in ("m1", "m2"):
        (tmp_path / name / "Dockerfile").write_text(SHARED)

    def context(name: str) -> BuildContext:
        return BuildContext(tmp_path, tmp_path / name / "Dockerfile", {"SRC_PATH": name, "MODEL_ID": None})

    assert context("m1").files == ["common/c.py", "m1/Dockerfile", "m1/p.py"]
    assert list_names(pack(context("m1"))) == context("m1").files
    context("m1").check()  # .env is not sent
    before = [context(name).digest for name in ("m1", "m2")]
    (tmp_path / "m1" / "p.py").write_text("2")
    (tmp_path / "big.bin").write_text("y")
    after = [context(name).digest for name in ("m1", "m2")]
    assert [old == new for old, new in zip(before, after, strict=True)] == [False, True]
    (tmp_path / "common" / "c.py").write_text("2")
    assert context("m2").digest != after[1]
    (tmp_path / "m1" / "Dockerfile").write_text(SHARED + "COPY --from=a /x /y\nCOPY . /all\n")
    assert "big.bin" in context("m1").files


def test_ignored_files_of_a_shared_context_are_not_sent(tmp_path: Path) -> None:
    make(tmp_path, **{"common__c.py": "", "common__c.log": "", "m1__p.py": "", ".dockerignore": "**/*.log\n"})
    (tmp_path / "m1" / "Dockerfile").write_text(SHARED)
    build_context = BuildContext(tmp_path, tmp_path / "m1" / "Dockerfile", {"SRC_PATH": "m1"})
    assert build_context.files == ["common/c.py", "m1/Dockerfile", "m1/p.py"]


def test_a_large_context_is_not_held_in_memory(tmp_path: Path) -> None:
    build_context = make(tmp_path)
    with (tmp_path / "large.bin").open("wb") as large:
        large.truncate(200 * 2**20)
    tracemalloc.start()
    with (tmp_path.parent / "archive").open("wb") as target:
        assert build_context.pack(target) == build_context.digest
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 * 2**20
