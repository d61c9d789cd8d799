"""What a model wrote beside its code in a container, brought into the source folder.

The source is not mounted over its copy in the image: that would hide what the build put there (a `.venv`, compiled
code), show files that the image has not, and is impossible for an image without WORKDIR. The engine says which files
changed; those below WORKDIR come out. Whole folders that .dockerignore leaves out (downloaded data) are mounted, so
that a training does not download them again.
"""

from __future__ import annotations

import os
import posixpath
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pnodes.local.container_engine import ContainerEngine, Mount
from pnodes.local.image import Image


def kept(image: Image) -> list[Mount]:
    """The folders beside the model's code that the image has not."""
    folder, workdir = image.folder, posixpath.normpath(image.recipe.workdir)
    sent = {image.context.root / name for name in image.context.files}
    around = {parent for path in sent for parent in path.parents}
    return [
        Mount(path, posixpath.join(workdir, path.name), writable=True)
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith((".", "__")) and path not in around and path not in sent
    ]


def bring(
    engine: ContainerEngine, environ: Mapping[str, str], image: Image, container: str, mounted: Sequence[str]
) -> None:
    """Copies what a stopped container has written below WORKDIR to where it belongs in the source."""
    changes = [line.split(" ", 1) for line in engine.ask(environ, "diff", container).splitlines() if " " in line]
    changed = {path: kind for kind, path in changes if kind in ("A", "C")}
    for path in outermost(changed):
        target = _target(image, path, changed[path])
        if target is None or any(path == place or place.startswith(f"{path}/") for place in mounted):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        # Into the parent: a folder that is there already is added to, not put inside of itself.
        command = [str(engine.path), "cp", f"{container}:{path}", f"{target.parent}{os.sep}"]
        subprocess.run(command, env=dict(environ), stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)


def outermost(changed: Mapping[str, str]) -> list[str]:
    """New files and folders, but not what is inside of a new folder, and changed files, but not changed folders."""
    around = {str(parent) for path in changed for parent in Path(path).parents}
    return [
        path
        for path, kind in sorted(changed.items())
        if (kind == "A" and changed.get(posixpath.dirname(path)) != "A") or (kind == "C" and path not in around)
    ]


def _target(image: Image, path: str, kind: str) -> Path | None:
    """Where a file of the container belongs here; None for what is not the source's."""
    workdir, folder = posixpath.normpath(image.recipe.workdir), image.folder
    found = image.layout.here(path)
    if found is None and workdir == "/" and kind == "A" and posixpath.dirname(path) == "/":
        found = folder / posixpath.basename(path)
    elif found is None and workdir != "/" and path.startswith(f"{workdir}/"):
        found = folder / posixpath.relpath(path, workdir)
    inside = found is not None and (found.is_relative_to(image.node.source) or found.is_relative_to(folder))
    return found if inside else None
