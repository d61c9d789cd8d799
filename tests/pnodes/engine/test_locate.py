"""An engine is accepted if it is new enough, complete, and has its language host."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pnodes.engine import locate, shims
from pnodes.engine.locate import Engine, Rejected
from pnodes.engine.version import MINIMUM, Version

EngineIn = Callable[[Path, str], Path]
NEW = f"v{MINIMUM.major}.{MINIMUM.minor + 5}.1"
OLD = f"v{MINIMUM.major}.{MINIMUM.minor - 1}.9"


def path_of(*folders: Path) -> str:
    """Return a PATH with these folders and the system's."""
    return os.pathsep.join([*map(str, folders), "/usr/bin", "/bin"])


def test_a_new_engine_on_path_is_used(tmp_path: Path, engine_in: EngineIn) -> None:
    pulumi = engine_in(tmp_path / "bin", NEW)
    candidate = locate.on_path(path_of(tmp_path / "bin"), own=tmp_path / "own")
    assert candidate == Engine(pulumi, Version(MINIMUM.major, MINIMUM.minor + 5, 1), "PATH")


def test_an_old_engine_is_rejected_with_both_versions(tmp_path: Path, engine_in: EngineIn) -> None:
    engine_in(tmp_path / "bin", OLD)
    candidate = locate.on_path(path_of(tmp_path / "bin"), own=tmp_path / "own")
    assert isinstance(candidate, Rejected)
    assert candidate.reason == f"it is {OLD[1:]}, and {MINIMUM} or newer is needed"


def test_an_engine_without_language_host_is_rejected(tmp_path: Path, engine_in: EngineIn) -> None:
    engine_in(tmp_path / "bin", NEW)
    (tmp_path / "bin" / "pulumi-language-python").unlink()
    candidate = locate.on_path(str(tmp_path / "bin"), own=tmp_path / "own")
    assert isinstance(candidate, Rejected)
    assert "pulumi-language-python is neither next to it nor on PATH" in candidate.reason


def test_the_language_host_may_be_next_to_the_target_of_a_link(tmp_path: Path, engine_in: EngineIn) -> None:
    pulumi = engine_in(tmp_path / "real", NEW)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").symlink_to(pulumi)
    assert isinstance(locate.on_path(str(tmp_path / "bin"), own=tmp_path / "own"), Engine)


def test_the_project_s_own_engine_does_not_count_as_one_on_path(tmp_path: Path, engine_in: EngineIn) -> None:
    engine_in(tmp_path / "own" / "bin", NEW)
    assert locate.on_path(str(tmp_path / "own" / "bin"), own=tmp_path / "own") is None


def test_an_installed_engine_has_its_origin(tmp_path: Path, engine_in: EngineIn) -> None:
    engine_in(tmp_path / "bin", NEW)
    official = locate.installed(tmp_path)
    (tmp_path / "built").write_text("v3.259.0\n")
    built = locate.installed(tmp_path)
    assert official is not None
    assert built is not None
    assert (official.origin, built.origin) == ("from the official installer", "built from the pinned Go module")


@pytest.mark.parametrize("missing", ["pulumi", "pulumi-language-python", "pulumi-resource-pulumi-python"])
def test_an_incomplete_engine_does_not_count(tmp_path: Path, engine_in: EngineIn, missing: str) -> None:
    engine_in(tmp_path / "bin", NEW)
    (tmp_path / "bin" / missing).unlink()
    assert locate.installed(tmp_path) is None


def test_an_old_installed_engine_does_not_count(tmp_path: Path, engine_in: EngineIn) -> None:
    engine_in(tmp_path / "bin", OLD)
    assert locate.installed(tmp_path) is None


def write_outdated(folder: Path) -> None:
    """Write the language host of the version before pnodes/, without a dynamic provider."""
    shims.write(folder)
    host = folder / shims.LANGUAGE_HOST
    host.write_text(host.read_text().replace("pnodes.engine.language_host", "engine.language_host"))
    (folder / shims.DYNAMIC_PROVIDER).unlink()


def test_the_executables_of_a_built_engine_are_updated(
    tmp_path: Path, engine_in: EngineIn, executable: Callable[[Path, str], Path]
) -> None:
    home = tmp_path / ".tools" / "pulumi"
    pulumi = engine_in(home / "bin", NEW)
    write_outdated(home / "bin")
    (home / "built").write_text(NEW)
    before = pulumi.stat().st_mtime_ns
    assert locate.installed(home) == Engine(pulumi, Version(MINIMUM.major, MINIMUM.minor + 5, 1), "built")
    assert pulumi.stat().st_mtime_ns == before
    executable(tmp_path / ".venv" / "bin" / "python", 'echo "$@"')
    host, provider = home / "bin" / shims.LANGUAGE_HOST, home / "bin" / shims.DYNAMIC_PROVIDER
    assert subprocess.run([host, "x"], capture_output=True, text=True, check=True).stdout == (
        "-P -u -m pnodes.engine.language_host x\n"
    )
    assert subprocess.run([provider, "x"], capture_output=True, text=True, check=True).stdout == (
        "-u -m pulumi.dynamic x\n"
    )


def test_current_executables_are_not_rewritten(tmp_path: Path, engine_in: EngineIn) -> None:
    engine_in(tmp_path / "bin", NEW)
    (tmp_path / "built").write_text(NEW)
    locate.installed(tmp_path)
    names = (shims.LANGUAGE_HOST, shims.DYNAMIC_PROVIDER)
    before = [(tmp_path / "bin" / name).stat().st_ino for name in names]
    locate.installed(tmp_path)
    assert [(tmp_path / "bin" / name).stat().st_ino for name in names] == before


def test_the_executables_of_the_official_installer_are_not_rewritten(tmp_path: Path, engine_in: EngineIn) -> None:
    engine_in(tmp_path / "bin", NEW)
    assert locate.installed(tmp_path) is not None
    assert (tmp_path / "bin" / shims.LANGUAGE_HOST).read_text() == "#!/bin/sh\nexit 0\n"
