"""Which file of the build context lies where in the image: what COPY and ADD say, without copying anything.

Whoever runs a model outside of its image needs both directions: which folder of this machine is the image's WORKDIR,
and what a path inside the image (`/app/model.joblib` in an ENV line) is here.
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
    """Paths in the image (absolute, normal) -> paths in the context (relative; "" is the context itself)."""

    root: Path
    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)

    def here(self, path: str) -> Path | None:
        """What a path in the image is on this machine; None when it did not come from the context."""
        wanted = posixpath.normpath(path)
        if wanted in self.files:
            return self.root / self.files[wanted]
        for folder in sorted(self.folders, key=len, reverse=True):
            if wanted == folder or wanted.startswith(folder.rstrip("/") + "/"):
                found = self.root / self.folders[folder] / posixpath.relpath(wanted, folder)
                return Path(posixpath.normpath(found)) if found.exists() else None
        return None

    def parents(self, path: str) -> list[Path]:
        """The folders here of what lies directly in a folder of the image, where it has the same name there."""
        inside = {**self.folders, **self.files}
        found = [
            self.root / posixpath.dirname(origin)
            for place, origin in inside.items()
            if origin and posixpath.dirname(place) == path and posixpath.basename(place) == posixpath.basename(origin)
        ]
        return list(dict.fromkeys(found))


def layout(recipe: Recipe, root: Path, files: Sequence[str]) -> Layout:
    """Where a recipe puts the files of a context. Raises DockerfileError for a COPY of something that is not sent."""
    found = Layout(root)
    for step in recipe.steps:
        if step.kind == "copy":
            _copy(found, step.arguments, step.workdir, files)
    return found


def _copy(found: Layout, arguments: Sequence[str], workdir: str, files: Sequence[str]) -> None:
    *sources, target = arguments
    place = posixpath.normpath(posixpath.join(workdir, target))
    origins = [origin for source in sources if not is_address(source) for origin in _matching(source, files, arguments)]
    into = len(origins) > 1 or target.endswith("/") or target in (".", "..") or _is_folder(found, place, workdir)
    for origin in origins:
        inside = _below(origin, files)
        if inside is None:
            found.files[posixpath.join(place, posixpath.basename(origin)) if into else place] = origin
        else:
            found.folders[place] = origin
            found.files |= {posixpath.normpath(posixpath.join(place, name)): _join(origin, name) for name in inside}


def _is_folder(found: Layout, place: str, workdir: str) -> bool:
    known = [*found.folders, *found.files]
    return place == workdir or place in found.folders or any(each.startswith(place.rstrip("/") + "/") for each in known)


def _matching(source: str, files: Sequence[str], arguments: Sequence[str]) -> list[str]:
    """The files and folders of a context that one word of a COPY names."""
    wanted = posixpath.normpath(source).lstrip("/")
    if wanted in (".", ""):
        return [""]
    steps = wanted.split("/")
    heads = dict.fromkeys(
        "/".join(file.split("/")[: len(steps)]) for file in files if file.count("/") >= len(steps) - 1
    )
    found = [head for head in heads if all(map(fnmatchcase, head.split("/"), steps))]
    if not found:
        raise DockerfileError(f"COPY {' '.join(arguments)}: {source} is not in the build context, or ignored")
    return found


def _below(origin: str, files: Iterable[str]) -> list[str] | None:
    """The files in a folder of the context, relative to it; None when it is a file."""
    if origin == "":
        return list(files)
    inside = [file[len(origin) + 1 :] for file in files if file.startswith(origin + "/")]
    return inside or None


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
