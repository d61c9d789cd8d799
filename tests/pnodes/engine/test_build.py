"""The build with Go: its command, and that it replaces an engine completely or not at all."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pnodes.engine import build, locate, version
from pnodes.engine.build import BuildFailed

Executable = Callable[[Path, str], Path]
# Stands in for `go build ... -o TARGET PACKAGE`.
FAKE_GO = """
while [ $# -gt 0 ]; do
    if [ "$1" = -o ]; then target=$2; fi
    shift
done
[ "$CGO_ENABLED" = 0 ] || exit 9
printf '#!/bin/sh\\necho {version}\\n' > "$target"
chmod +x "$target"
"""


def use_go(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a folder with a fake go at the front of PATH."""
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_the_build_sets_the_version_and_trims_paths(tmp_path: Path) -> None:
    command = build.build_command(tmp_path / "pulumi")
    assert "-trimpath" in command
    assert f"version.Version=v{version.pinned()}" in command[command.index("-ldflags") + 1]
    assert command[-1] == "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"


def test_an_engine_that_was_built_is_located(
    tmp_path: Path, executable: Executable, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(tmp_path / "go" / "go", FAKE_GO.format(version=f"v{version.pinned()}"))
    use_go(tmp_path / "go", monkeypatch)
    build.build(tmp_path / "home")
    engine = locate.installed(tmp_path / "home")
    assert engine is not None
    assert (engine.source, engine.version) == ("built", version.pinned())
    assert sorted(path.name for path in engine.bin.iterdir()) == [
        "pulumi",
        "pulumi-language-python",
        "pulumi-resource-pulumi-python",
    ]


def test_a_failed_build_keeps_the_previous_engine(
    tmp_path: Path, executable: Executable, monkeypatch: pytest.MonkeyPatch
) -> None:
    previous = executable(tmp_path / "home" / "bin" / "pulumi", "echo v3.259.0")
    executable(tmp_path / "go" / "go", "echo 'go: downloading x'; echo 'x.go:1: does not compile' >&2; exit 1")
    use_go(tmp_path / "go", monkeypatch)
    with pytest.raises(BuildFailed) as caught:
        build.build(tmp_path / "home")
    assert str(caught.value) == "`go build` failed:\nx.go:1: does not compile"
    assert list(previous.parent.iterdir()) == [previous]
