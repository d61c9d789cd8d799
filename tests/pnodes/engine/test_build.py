"""The build with Go: its command line, and that it replaces an engine in one step or not at all."""

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
    """Puts a folder with a fake go in front of PATH."""
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_the_version_is_stamped_in_and_paths_are_not(tmp_path: Path) -> None:
    command = build.command(tmp_path / "pulumi")
    assert "-trimpath" in command
    assert f"version.Version=v{version.pinned()}" in command[command.index("-ldflags") + 1]
    assert command[-1] == "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"


def test_a_build_is_found_as_built(tmp_path: Path, executable: Executable, monkeypatch: pytest.MonkeyPatch) -> None:
    executable(tmp_path / "go" / "go", FAKE_GO.format(version=f"v{version.pinned()}"))
    use_go(tmp_path / "go", monkeypatch)
    build.build(tmp_path / "home")
    found = locate.installed(tmp_path / "home")
    assert found is not None
    assert (found.source, found.version) == ("built", version.pinned())
    assert sorted(path.name for path in found.bin.iterdir()) == [
        "pulumi",
        "pulumi-language-python",
        "pulumi-resource-pulumi-python",
    ]


def test_a_failed_build_leaves_the_engine_that_was_there(
    tmp_path: Path, executable: Executable, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = executable(tmp_path / "home" / "bin" / "pulumi", "echo v3.259.0")
    executable(tmp_path / "go" / "go", "echo 'go: downloading x'; echo 'x.go:1: does not compile' >&2; exit 1")
    use_go(tmp_path / "go", monkeypatch)
    with pytest.raises(BuildFailed) as caught:
        build.build(tmp_path / "home")
    assert str(caught.value) == "`go build` failed:\nx.go:1: does not compile"
    assert list(there.parent.iterdir()) == [there]
