"""Map a node's Dockerfile to this machine: the folder to run in, and the local path of each path in the image."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

from nodefile import Node
from pnodes.errors import UserError
from pnodes.local.python import parse_image_version
from providers.images.arguments import build_arguments, make_context, make_relative
from providers.images.context import BuildContext, ContextError
from providers.images.layout import Layout, build_layout
from providers.images.recipe import DockerfileError, Recipe, read


@dataclass(frozen=True)
class Image:
    """A node's Dockerfile, and the build context that its builder would get."""

    node: Node
    context: BuildContext
    recipe: Recipe
    layout: Layout

    @property
    def folder(self) -> Path:
        """The local folder whose copy is the image's WORKDIR. Raises UserError."""
        workdir, source = posixpath.normpath(self.recipe.workdir), self.node.source
        copied = self.layout.locate(workdir)
        if copied is not None and copied.is_dir():
            return copied
        parents = self.layout.list_parents(workdir)
        if source in parents or not parents:
            return source
        if len(parents) == 1:
            return parents[0]
        names = ", ".join(sorted(make_relative(parent, self.context.root) for parent in parents))
        raise UserError(
            f"the Dockerfile of {self.node.name} combines files of several folders ({names}) in {workdir}, "
            "so there is no single local folder to run in. Add --container."
        )

    @property
    def elsewhere(self) -> list[tuple[str, Path]]:
        """Entries of the image's WORKDIR that the local folder lacks, as (name, local path)."""
        workdir, folder = posixpath.normpath(self.recipe.workdir), self.folder
        installed = {
            posixpath.normpath(posixpath.join(step.workdir, word))
            for step in self.recipe.steps
            if step.kind == "install"
            for word in step.arguments
        }
        entries = []
        for place, origin in {**self.layout.folders, **self.layout.files}.items():
            here = self.layout.root / origin
            direct = posixpath.dirname(place) == workdir and place not in installed
            if direct and not here.is_relative_to(folder) and not (folder / posixpath.basename(place)).exists():
                entries.append((posixpath.basename(place), here))
        return entries

    def importable(self) -> list[Path]:
        """Return the local folders of the Python packages that the image has next to the model's files."""
        return list(dict.fromkeys(here.parent for name, here in self.elsewhere if here.name == name))

    def here(self, text: str) -> str:
        """Return a command's word or a variable's value with the image's paths replaced by local ones."""
        return ":".join(self._here(part) if part.startswith("/") else part for part in text.split(":"))

    def _here(self, path: str) -> str:
        local = self.layout.locate(path)
        if local is None:  # a file that the model will write
            workdir = posixpath.normpath(self.recipe.workdir)
            if workdir == "/" or not posixpath.normpath(path).startswith(f"{workdir}/"):
                return path
            local = self.folder / posixpath.relpath(path, workdir)
        return str(local)

    @property
    def variables(self) -> dict[str, str]:
        """The image's ENV without PATH, which refers to the image's file system."""
        return {name: self.here(value) for name, value in self.recipe.env.items() if name != "PATH"}


def read_image(node: Node, model_id: str, in_container: bool = False) -> Image:
    """Read a node's Dockerfile; of several stages, only a container engine can use the last. Raises UserError."""
    context = make_context(node)
    try:
        recipe = read(node.dockerfile.read_text(encoding="utf-8-sig"), build_arguments(node, model_id), in_container)
        return Image(node, context, recipe, build_layout(recipe, context.root, context.files))
    except ContextError as error:
        raise UserError(str(error)) from None
    except DockerfileError as error:
        hint = "" if in_container else " Add --container."
        raise UserError(f"the Dockerfile of {node.name} cannot be emulated: {error}.{hint}") from None


def default_command(image: Image) -> list[str]:
    """Return ENTRYPOINT and CMD; the node's own command replaces CMD, as in its cloud."""
    return [*image.recipe.entrypoint, *(image.node.command or image.recipe.command)]


def is_python(image: Image) -> bool:
    """Return whether the node needs a Python environment: its base is Python, it installs packages or runs `python`."""
    if parse_image_version(image.recipe.base) or any(step.kind == "install" for step in image.recipe.steps):
        return True
    command = default_command(image)
    return bool(command) and names_python(command[0])


def names_python(word: str) -> bool:
    """Return whether a command's first word is the image's Python, in any of its spellings."""
    return re.fullmatch(r"(?:/\S*/)?python(?:3(?:\.\d+)?)?", word) is not None
