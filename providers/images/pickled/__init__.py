"""Generates the build context of a node with `pickle`: its Dockerfile, the program that runs it, its packages.

The image starts from Numerai's own for Model Uploads. With `-slim`, and where a stand-in replaces Numerai's image, the
packages that the pickle names are installed in Numerai's versions (`python3.*.txt`). The context is a folder in
`.pnodes/contexts`, where the pickle is a hard link, or a copy on another file system. It is the same on every machine,
and the pickle is never loaded here.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from nodefile import Node
from nodefile.pickle_source import SLIM
from nodefile.pickles import NotAPickle, Origin, read_origin
from nodefile.problems import join_words
from providers.images.context import ContextError
from providers.images.once import read_once

_HERE = Path(__file__).parent
# Numerai's `stable` moves. An image is built once for each source and deployed by digest, so a node keeps the packages
# with which it was built until its pickle changes.
_NUMERAI = "ghcr.io/numerai/numerai_predict_py_{}:stable"
_NUMERAIS_PROGRAM = "/predict.py"
_RUNNER = "run.py"
# What the runner itself needs.
_ALWAYS = frozenset({"numerapi", "pandas", "pyarrow"})
_OPENMP = "RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/*\n"
# Modules whose package has another name, and packages whose own requirements do not name scikit-learn.
_PACKAGES = {
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "dateutil": "python-dateutil",
    "sklearn": "scikit-learn",
    "umap": "umap-learn",
    "yaml": "pyyaml",
}
_read_origin = read_once(read_origin)
_NEED_SKLEARN = frozenset({"catboost", "lightgbm", "xgboost"})


def write_context(node: Node) -> None:
    """Write what has changed in the context of a node with a pickle. Raises ContextError."""
    assert node.pickle is not None
    try:
        texts = _write_texts(node, find_origin(node))
        _update(node.source, texts)
        _link(node.pickle, node.source / "model.pkl")
    except NotAPickle as error:
        raise ContextError(f"{node.pickle.name} cannot be used: {error}.") from None
    except OSError as error:
        name = error.filename or node.pickle
        raise ContextError(f"the build context of {node.name} cannot be written: {name}: {error.strerror}.") from None


def find_origin(node: Node) -> Origin:
    """Return what a node's pickle says about its origin. Raises NotAPickle and OSError."""
    assert node.pickle is not None
    return _read_origin(node.pickle, node.pickle.stat())


def describe_unknown(node: Node) -> str:
    """Return a sentence about modules of a pickle that no package seems to have; empty if there are none."""
    if node.pickle is None:
        return ""
    known = {*_read_pins(node), *(_normalise(package) for package in node.packages)}
    try:
        unknown = [module for module in find_origin(node).packages if _find_package(module) not in known]
    except (NotAPickle, OSError):  # reported when the context is written
        return ""
    if not unknown:
        return ""
    return (
        f"{node.pickle.name} uses {join_words(unknown, 'and')}, which neither Numerai's packages nor `packages` seem "
        "to contain."
    )


def _update(folder: Path, texts: Mapping[str, str]) -> None:
    """Make the files of a folder, except the pickle, those that are given."""
    folder.mkdir(parents=True, exist_ok=True)
    ignore = folder.parents[1] / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n")
    for path in folder.iterdir():
        if path.name not in {*texts, "model.pkl"}:
            path.unlink()
    for name, text in texts.items():
        path, content = folder / name, text.encode()
        if not path.is_file() or path.read_bytes() != content:
            new = folder.with_name(f".{folder.name}-{os.getpid()}")
            new.write_bytes(content)
            new.replace(path)


def _write_texts(node: Node, origin: Origin) -> dict[str, str]:
    """Return the generated files by name."""
    pins, own = _read_pins(node), {_normalise(package) for package in node.packages}
    named = {_find_package(word.split(".")[0]) for word in (*origin.modules, *origin.words)}
    needed = {*(named & pins.keys()), *_ALWAYS, *({"scikit-learn"} if named & _NEED_SKLEARN else ())} - own
    version = _version(node)
    slim = node.python != version
    base = f"python:{node.python}" if slim else _NUMERAI.format(version.replace(".", "_"))
    more = "RUN pip install --no-cache-dir -r packages.txt\n" if node.packages else ""
    dockerfile = f"""\
FROM {base}
ENV PYTHONUNBUFFERED=1
{_OPENMP if slim and "lightgbm" in {*needed, *own} else ""}WORKDIR /node
COPY *.txt ./
# Numerai's image has these packages, and its program.
RUN test -e {_NUMERAIS_PROGRAM} || pip install --no-cache-dir -r requirements.txt -c constraints.txt
{more}COPY {_RUNNER} model.pkl ./
ENTRYPOINT []
CMD ["python", "{_RUNNER}"]
"""
    texts = {
        "Dockerfile": dockerfile,
        _RUNNER: (_HERE / _RUNNER).read_text(encoding="utf-8"),
        "requirements.txt": "".join(f"{name}=={pins[name]}\n" for name in sorted(needed)),
        "constraints.txt": "".join(f"{name}=={pin}\n" for name, pin in pins.items() if name not in own),
    }
    return {**texts, "packages.txt": "".join(f"{package}\n" for package in node.packages)} if node.packages else texts


def _version(node: Node) -> str:
    assert node.python is not None
    return node.python.removesuffix(SLIM)


def _read_pins(node: Node) -> Mapping[str, str]:
    return _read_pins_of(_version(node))


@cache
def _read_pins_of(version: str) -> Mapping[str, str]:
    """Return Numerai's packages for a Python version, with their versions."""
    lines = (_HERE / f"python{version}.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def _find_package(module: str) -> str:
    return _PACKAGES.get(module, _normalise(module))


def _normalise(package: str) -> str:
    """Return the name of a package as indexes spell it, without extras and versions."""
    name = re.split(r"[^\w.-]", package)[0]
    return re.sub(r"[-_.]+", "-", name).lower()


def _link(pickle: Path, target: Path) -> None:
    """Make `target` the same file as the pickle, or a copy of it on another file system."""
    facts = pickle.stat()
    if target.exists():
        known = target.stat()
        if (known.st_size, known.st_mtime_ns) == (facts.st_size, facts.st_mtime_ns):
            return
    new = target.parent.with_name(f".{target.parent.name}-{os.getpid()}")
    try:
        os.link(pickle, new)
    except OSError:
        shutil.copy2(pickle, new)
    new.replace(target)
