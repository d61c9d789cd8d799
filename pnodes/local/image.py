"""A node's Dockerfile, seen from this machine: where the command runs, and what a path in the image is here."""

from __future__ import annotations

import os
import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

from nodefile import Node
from pnodes.local.python import of_image
from pnodes.local.refused import CannotRun
from providers.images.arguments import build_arguments, context_of_node
from providers.images.context import BuildContext, ContextError
from providers.images.layout import Layout, layout
from providers.images.recipe import DockerfileError, Recipe, read


@dataclass(frozen=True)
class Image:
    """A node's Dockerfile, and the context as its builder would get it."""

    node: Node
    context: BuildContext
    recipe: Recipe
    layout: Layout

    @property
    def folder(self) -> Path:
        """The folder here that the image's WORKDIR is a copy of. Raises CannotRun."""
        workdir, source = posixpath.normpath(self.recipe.workdir), self.node.source
        copied = self.layout.here(workdir)
        if copied is not None and copied.is_dir():
            return copied
        parents = self.layout.parents(workdir)
        if source in parents or not parents:
            return source
        if len(parents) == 1:
            return parents[0]
        names = ", ".join(sorted(_shown(parent, self.context.root) for parent in parents))
        raise CannotRun(
            f"the Dockerfile of {self.node.name} puts files of several folders ({names}) together in {workdir}: "
            "there is no one folder here to run in. Add --container."
        )

    @property
    def elsewhere(self) -> list[tuple[str, Path]]:
        """What the image has in its WORKDIR, but the folder here has not: name in it, and where it is here."""
        workdir, folder = posixpath.normpath(self.recipe.workdir), self.folder
        installed = {
            posixpath.normpath(posixpath.join(step.workdir, word))
            for step in self.recipe.steps
            if step.kind == "install"
            for word in step.arguments
        }
        found = []
        for place, origin in {**self.layout.folders, **self.layout.files}.items():
            here = self.layout.root / origin
            direct = posixpath.dirname(place) == workdir and place not in installed
            if direct and not here.is_relative_to(folder) and not (folder / posixpath.basename(place)).exists():
                found.append((posixpath.basename(place), here))
        return found

    def importable(self) -> list[Path]:
        """The folders to look for Python packages that the image has beside the model's own files."""
        return list(dict.fromkeys(here.parent for name, here in self.elsewhere if here.name == name))

    def here(self, text: str) -> str:
        """A word of a command, or a variable's value, with paths of the image turned into those here."""
        return ":".join(self._here(part) if part.startswith("/") else part for part in text.split(":"))

    def _here(self, path: str) -> str:
        found = self.layout.here(path)
        if found is None:  # a file that the model is going to write
            workdir = posixpath.normpath(self.recipe.workdir)
            if workdir == "/" or not posixpath.normpath(path).startswith(f"{workdir}/"):
                return path
            found = self.folder / posixpath.relpath(path, workdir)
        return str(found)

    @property
    def variables(self) -> dict[str, str]:
        """The image's ENV. PATH is left out: it belongs to the image's own file system."""
        return {name: self.here(value) for name, value in self.recipe.env.items() if name != "PATH"}


def image_of(node: Node, model_id: str, in_container: bool = False) -> Image:
    """Reads a node's Dockerfile; of several stages the last, when an engine builds them. Raises CannotRun."""
    context = context_of_node(node)
    try:
        recipe = read(node.dockerfile.read_text(encoding="utf-8-sig"), build_arguments(node, model_id), in_container)
        return Image(node, context, recipe, layout(recipe, context.root, context.files))
    except ContextError as error:
        raise CannotRun(str(error)) from None
    except DockerfileError as error:
        hint = "" if in_container else " Add --container."
        raise CannotRun(f"the Dockerfile of {node.name} cannot be followed: {error}.{hint}") from None


def default_command(image: Image) -> list[str]:
    """ENTRYPOINT and CMD; the node's own command takes the place of CMD, as in its cloud."""
    return [*image.recipe.entrypoint, *(image.node.command or image.recipe.command)]


def is_python(image: Image) -> bool:
    """Whether the node needs a Python environment: its base is Python, it installs packages, or it runs `python`."""
    if of_image(image.recipe.base) or any(step.kind == "install" for step in image.recipe.steps):
        return True
    command = default_command(image)
    return bool(command) and named_python(command[0])


def named_python(word: str) -> bool:
    """Whether a command's first word is the image's Python, in any of its spellings."""
    return re.fullmatch(r"(?:/\S*/)?python(?:3(?:\.\d+)?)?", word) is not None


def _shown(path: Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()
