"""Copy what a model has written next to its code in a container into the source folder.

The source is not mounted over its copy in the image: that would hide files from the build (a `.venv`, compiled code),
show files that the image lacks, and be impossible for an image without WORKDIR. Instead, the files below WORKDIR that
the engine lists as changed are copied. Folders that .dockerignore excludes (downloaded data) are mounted, so that
training does not download them again.
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


def mount_excluded(image: Image) -> list[Mount]:
    """Return mounts for the folders next to the model's code that the image lacks."""
    folder, workdir = image.folder, posixpath.normpath(image.recipe.workdir)
    sent = {image.context.root / name for name in image.context.files}
    around = {parent for path in sent for parent in path.parents}
    return [
        Mount(path, posixpath.join(workdir, path.name), writable=True)
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith((".", "__")) and path not in around and path not in sent
    ]


def copy_changes(
    engine: ContainerEngine, environ: Mapping[str, str], image: Image, container: str, mounted: Sequence[str]
) -> None:
    """Copy the files that a stopped container has changed below WORKDIR to their places in the source."""
    changes = [line.split(" ", 1) for line in engine.query(environ, "diff", container).splitlines() if " " in line]
    changed = {path: kind for kind, path in changes if kind in ("A", "C")}
    for path in list_outermost(changed):
        target = _map_path(image, path, changed[path])
        if target is None or any(path == place or place.startswith(f"{path}/") for place in mounted):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        # Copy into the parent, so that an existing folder is extended instead of nested.
        command = [str(engine.path), "cp", f"{container}:{path}", f"{target.parent}{os.sep}"]
        subprocess.run(command, env=dict(environ), stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)


def list_outermost(changed: Mapping[str, str]) -> list[str]:
    """Return the changed files and the new files and folders, without the contents of new folders."""
    around = {str(parent) for path in changed for parent in Path(path).parents}
    return [
        path
        for path, kind in sorted(changed.items())
        if (kind == "A" and changed.get(posixpath.dirname(path)) != "A") or (kind == "C" and path not in around)
    ]


def _map_path(image: Image, path: str, kind: str) -> Path | None:
    """Return the source path of a file in the container; None if it is not part of the source."""
    workdir, folder = posixpath.normpath(image.recipe.workdir), image.folder
    target = image.layout.locate(path)
    if target is None and workdir == "/" and kind == "A" and posixpath.dirname(path) == "/":
        target = folder / posixpath.basename(path)
    elif target is None and workdir != "/" and path.startswith(f"{workdir}/"):
        target = folder / posixpath.relpath(path, workdir)
    inside = target is not None and (target.is_relative_to(image.node.source) or target.is_relative_to(folder))
    return target if inside else None
