"""The models in examples/ that a new node can start from: which there are, and a copy of one."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from pnodes import project
from pnodes.engine.paths import ROOT, shown
from pnodes.errors import UserError

# What running or training an example leaves in its folder, and keys: none of it belongs to a copy.
_NOT_COPIED = shutil.ignore_patterns(
    "model.joblib", "model.rds", "data", "__pycache__", "*.pyc", "*.part", "*.egg-info", "build", ".venv", ".git",
    ".ruff_cache", ".mypy_cache", ".pytest_cache", ".ipynb_checkpoints", ".Rproj.user", ".Rhistory", ".RData",
    ".env", ".numerai", ".keys", ".DS_Store",
)  # fmt: skip


@dataclass(frozen=True)
class Example:
    """A folder of examples/. `models`: the folders in it of several models, whose build context is the whole; or, when
    `variable` is given, what that variable is set to for each of several models in one image."""

    name: str
    tournament: str
    about: str
    models: tuple[str, ...] = ()
    variable: str | None = None
    training: str = '--command "python train.py"'
    """How `pnodes run` trains it."""

    @property
    def count(self) -> int:
        """How many nodes it makes."""
        return len(self.models) or 1

    def nodes(self, name: str) -> dict[str, str | None]:
        """Node name -> the folder of its model inside the example; None for the example's own."""
        if not self.models:
            return {name: None}
        return {f"{name}-{number}": None if self.variable else model for number, model in enumerate(self.models, 1)}

    def env(self, name: str) -> dict[str, dict[str, str]]:
        """Node name -> the variables that it needs."""
        if self.variable is None:
            return {}
        return {node: {self.variable: model} for node, model in zip(self.nodes(name), self.models, strict=True)}


EXAMPLES = (
    Example("tournament-python", "classic", "Numerai Classic: gradient-boosted trees with LightGBM"),
    Example(
        "tournament-r",
        "classic",
        "Numerai Classic, in R: a random forest with ranger",
        training='--container --command "Rscript train.R"',
    ),
    Example("signals-python", "signals", "Numerai Signals: gradient-boosted trees with scikit-learn"),
    Example("crypto-python", "crypto", "Numerai Crypto: gradient-boosted trees with scikit-learn"),
    Example(
        "shared-package",
        "classic",
        "Numerai Classic: two models (trees, ridge) that share a package; makes the nodes NAME-1 and NAME-2",
        ("model_1", "model_2"),
    ),
    Example(
        "predictors",
        "classic",
        "Numerai Classic: several predictors in one image, as in the Cloud Run recipe; makes NAME-1 and NAME-2",
        ("pred1", "pred2"),
        "PREDICTOR",
    ),
)


def find(name: str) -> Example:
    """An example by its name."""
    from nodefile.problems import did_you_mean

    known = {example.name: example for example in EXAMPLES}
    if name not in known:
        raise UserError(f'There is no example "{name}".{did_you_mean(name, known)} There are: {", ".join(known)}.', 2)
    return known[name]


def folder_of(example: Example) -> Path:
    """Where an example is: in the project that the person stands in, else in this checkout."""
    places = [project.project_folder() / "examples" / example.name, ROOT / "examples" / example.name]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise UserError(f"There is no folder {shown(places[-1])}. Run `pnodes` from a checkout of the project.")
    return found


def copy(example: Example, target: Path, written: str) -> None:
    """Copy an example to a new or empty folder, whose path its README tells as `written`. Raises OSError."""
    shutil.copytree(folder_of(example), target, symlinks=True, ignore=_NOT_COPIED, dirs_exist_ok=True)
    readme = target / "README.md"
    if readme.is_file():
        text = readme.read_text(encoding="utf-8")
        readme.write_text(text.replace(f"examples/{example.name}", written), encoding="utf-8")
