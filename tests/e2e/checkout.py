"""A whole checkout of the project for a world: what a runner has after `actions/checkout`, and nothing installed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from pnodes.engine import shims
from tests.e2e.world import ROOT, World


def check_out(world: World, folder: Path) -> Path:
    """Puts the repository's files beside the world's own; `uv` and the engine are already on the machine."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        source, target = ROOT / name, folder / name
        if source.is_file() and name not in ("nodes.yaml", "Pulumi.dev.yaml") and not name.startswith("tests/"):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    binaries = folder / ".tools" / "pulumi" / "bin"
    binaries.mkdir(parents=True)
    # No symlink: the engine looks for its language host beside the file that it really is.
    try:
        (binaries / "pulumi").hardlink_to(world.cli.binary.resolve())
    except OSError:
        shutil.copy(world.cli.binary, binaries / "pulumi")
    shims.write(binaries)
    (folder / ".tools" / "pulumi" / "built").touch()
    tools = folder.with_name("tools")
    tools.mkdir()
    (tools / "uv").symlink_to(Path(sys.executable).with_name("uv"))
    return tools
