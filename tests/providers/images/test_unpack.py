"""An unpacked context equals the packed one, and no archive can write outside the folder on any Python version."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from providers.images.context import BuildContext
from providers.images.unpack import UnpackError, unpack


def entry(name: str, text: str = "", mode: int = 0o644) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(text), mode
    return info, text.encode()


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    return info, b""


def pack(*entries: tuple[tarfile.TarInfo, bytes]) -> io.BytesIO:
    """Return a compressed archive of any entries, including ones that no build context contains."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as bundle:
        for info, content in entries:
            bundle.addfile(info, io.BytesIO(content))
    archive.seek(0)
    return archive


def test_a_context_is_unpacked_unchanged(tmp_path: Path) -> None:
    source, folder, archive = tmp_path / "source", tmp_path / "unpacked", io.BytesIO()
    (source / "code").mkdir(parents=True)
    (source / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (source / "code" / "predict.sh").write_text("#!/bin/sh\n")
    (source / "code" / "predict.sh").chmod(0o755)
    (source / "current").symlink_to("code")
    (source / "inside the image").symlink_to("/opt/model")
    BuildContext(source, source / "Dockerfile").pack(archive)
    archive.seek(0)
    unpack(archive, folder)
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == [
        "Dockerfile", "code", "code/predict.sh", "current", "inside the image",
    ]  # fmt: skip
    assert (folder / "code" / "predict.sh").read_text() == "#!/bin/sh\n"
    assert (folder / "code" / "predict.sh").stat().st_mode & 0o777 == 0o755
    assert [(folder / name).readlink().as_posix() for name in ("current", "inside the image")] == ["code", "/opt/model"]


@pytest.mark.parametrize(
    "entries",
    [
        [entry("../outside", "planted")],
        [entry("in/../../outside", "planted")],
        [link("way", ".."), entry("way/outside", "planted")],
        [link("way", "{outside}"), entry("way/outside", "planted")],
    ],
    ids=["above", "above by a detour", "through a link", "through an absolute link"],
)
def test_an_entry_outside_the_folder_is_rejected(tmp_path: Path, entries: list[tuple[tarfile.TarInfo, bytes]]) -> None:
    for info, _ in entries:
        info.linkname = info.linkname.format(outside=tmp_path)
    with pytest.raises(UnpackError, match="outside"):
        unpack(pack(*entries), tmp_path / "unpacked")
    assert not (tmp_path / "outside").exists()


def test_an_absolute_path_and_special_rights_stay_inside(tmp_path: Path) -> None:
    unpack(pack(entry(f"{tmp_path}/outside", "x", mode=0o6777)), tmp_path / "unpacked")
    assert not (tmp_path / "outside").exists()
    inside = tmp_path / "unpacked" / str(tmp_path).lstrip("/") / "outside"
    assert inside.stat().st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("damage", [lambda data: b"no archive", lambda data: data[: len(data) // 2]])
def test_a_damaged_archive_is_reported(tmp_path: Path, damage: object) -> None:
    whole = pack(entry("file", "x" * 1000)).getvalue()
    assert callable(damage)
    with pytest.raises(UnpackError):
        unpack(io.BytesIO(damage(whole)), tmp_path / "unpacked")
