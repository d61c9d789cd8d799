"""Maps paths in an image to files of the build context, from its COPY and ADD instructions, without copying anything.

To run a model outside its image, `pnodes run` needs the folder on this machine for the image's WORKDIR, and the file on
this machine for a path in the image (`/app/model.joblib` in an ENV line).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from providers.images.dockerfile import is_address
from providers.images.recipe import DockerfileError, Recipe


@dataclass
class Layout:
    """Paths in the image (absolute, normalised) -> paths in the context (relative; "" is the context itself)."""

    root: Path
    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)

    def locate(self, path: str) -> Path | None:
        """Return the path on this machine for a path in the image; None if it does not come from the context."""
        path = posixpath.normpath(path)
        if path in self.files:
            return self.root / self.files[path]
        for folder in sorted(self.folders, key=len, reverse=True):
            if path == folder or path.startswith(folder.rstrip("/") + "/"):
                origin = self.root / self.folders[folder] / posixpath.relpath(path, folder)
                return Path(posixpath.normpath(origin)) if origin.exists() else None
        return None

    def list_parents(self, path: str) -> list[Path]:
        """Return the folders on this machine of the entries of a folder in the image, except renamed entries."""
        origins = {**self.folders, **self.files}
        parents = [
            self.root / posixpath.dirname(origin)
            for place, origin in origins.items()
            if origin and posixpath.dirname(place) == path and posixpath.basename(place) == posixpath.basename(origin)
        ]
        return list(dict.fromkeys(parents))


def build_layout(recipe: Recipe, root: Path, files: Sequence[str]) -> Layout:
    """Build the layout of a recipe's image from the files of its context.

    Raises DockerfileError for a COPY of a file that is not among them.
    """
    layout = Layout(root)
    for step in recipe.steps:
        if step.kind == "copy":
            _copy(layout, step.arguments, step.workdir, files)
    return layout


def _copy(layout: Layout, arguments: Sequence[str], workdir: str, files: Sequence[str]) -> None:
    *sources, target = arguments
    place = posixpath.normpath(posixpath.join(workdir, target))
    origins = [origin for source in sources if not is_address(source) for origin in _match(source, files, arguments)]
    into = len(origins) > 1 or target.endswith("/") or target in (".", "..") or _is_folder(layout, place, workdir)
    for origin in origins:
        inside = _list_below(origin, files)
        if inside is None:
            layout.files[posixpath.join(place, posixpath.basename(origin)) if into else place] = origin
        else:
            layout.folders[place] = origin
            join = posixpath.join
            layout.files |= {posixpath.normpath(join(place, name)): join(origin, name) for name in inside}


def _is_folder(layout: Layout, place: str, workdir: str) -> bool:
    if place == workdir or place in layout.folders:
        return True
    return any(path.startswith(place.rstrip("/") + "/") for path in (*layout.folders, *layout.files))


def _match(source: str, files: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """Return the files and folders of a context that match a source of a COPY."""
    pattern = posixpath.normpath(source).lstrip("/")
    if pattern in (".", ""):
        return [""]
    parts = pattern.split("/")
    heads = dict.fromkeys(
        "/".join(file.split("/")[: len(parts)]) for file in files if file.count("/") >= len(parts) - 1
    )
    matching = [head for head in heads if all(map(fnmatchcase, head.split("/"), parts))]
    if not matching:
        raise DockerfileError(f"COPY {' '.join(arguments)}: {source} is not in the build context, or it is ignored")
    return matching


def _list_below(origin: str, files: Iterable[str]) -> list[str] | None:
    """Return the files in a folder of the context, relative to it; None if it is a file."""
    if origin == "":
        return list(files)
    inside = [file[len(origin) + 1 :] for file in files if file.startswith(origin + "/")]
    return inside or None
