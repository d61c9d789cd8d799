"""Resolves a node whose source is a pickle: the file, the Python version that loads it, the folder of its context.

The build context is generated (`providers/images/pickled`), in `.pnodes/contexts` next to nodes.yaml. Git and the
contexts of other nodes leave that folder out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from nodefile.folders import WrongFolder, find_file
from nodefile.model import Tournament
from nodefile.pickles import PYTHONS, NotAPickle, find_python
from nodefile.problems import join_words

CONTEXTS = Path(".pnodes", "contexts")
SLIM = "-slim"
_PICKLE_KEYS = frozenset({"pickle", "python", "packages"})
_FOLDER_KEYS = frozenset({"source", "context"})


def list_replaced(own: Collection[str]) -> frozenset[str]:
    """Return the keys of `defaults` that do not apply to a node with these keys of its own."""
    if "pickle" in own:
        return _FOLDER_KEYS
    return _PICKLE_KEYS if "source" in own else frozenset()


def check_folder_keys(values: Mapping[str, Any]) -> None:
    """Raise WrongFolder if a node without a pickle has keys that only apply to one."""
    for key in sorted(_PICKLE_KEYS & values.keys()):
        raise WrongFolder(key, "only a node with `pickle` has it; a Dockerfile names its own Python and packages.")


def resolve(base: Path, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resolved values of a node with a pickle. Raises WrongFolder."""
    for key in sorted(_FOLDER_KEYS & values.keys()):
        raise WrongFolder(key, f"a node has either `pickle` or `source`; remove `{key}` or `pickle`.")
    tournament = values.get("tournament", Tournament.CLASSIC)
    if tournament is not Tournament.CLASSIC:
        raise WrongFolder(
            "tournament",
            f"Numerai accepts pickles for classic only, so nothing says how to call one for {tournament}. Write a "
            f"Dockerfile instead, as in examples/{tournament}-python.",
        )
    path = find_file(base, "pickle", values["pickle"])
    try:
        pythons = find_python(path)
    except OSError as error:
        raise WrongFolder("pickle", f"{values['pickle']} cannot be read ({error.strerror}).") from None
    except NotAPickle as error:
        raise WrongFolder("pickle", f"{values['pickle']} cannot be used: {error}.") from None
    python = _choose_python(values["pickle"], pythons, values.get("python"))
    folder = (base / CONTEXTS / name).resolve()
    return {"pickle": path, "python": python, "source": folder, "context": folder}


def _choose_python(pickle: str, pythons: tuple[str, ...], wanted: str | None) -> str:
    usable = [version for version in pythons if version in PYTHONS]
    if not usable:
        raise WrongFolder(
            "pickle",
            f"{pickle} was created with Python {pythons[0]}, but Numerai's newest is {PYTHONS[-1]}. Create it again "
            "with a version that Numerai has.",
        )
    if wanted is None and len(usable) > 1:
        raise WrongFolder(
            "python",
            f"{pickle} does not tell whether {join_words(usable)} created it. Write the version, such as "
            f'python: "{usable[-1]}".',
        )
    if wanted is not None and wanted.removesuffix(SLIM) not in usable:
        raise WrongFolder(
            "python",
            f"{pickle} was created with Python {join_words(usable)}, and {wanted.removesuffix(SLIM)} cannot load its "
            f'bytecode. Write python: "{usable[-1]}{SLIM if wanted.endswith(SLIM) else ""}".',
        )
    return wanted or usable[0]
