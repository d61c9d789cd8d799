"""Lists and copies the models in examples/ from which a new node can start."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from pnodes import project
from pnodes.engine.paths import ROOT, shown
from pnodes.errors import UserError

# Files that running or training an example leaves in its folder, and keys: a copy must not contain them.
_NOT_COPIED = shutil.ignore_patterns(
    "model.joblib", "model.rds", "data", "__pycache__", "*.pyc", "*.part", "*.egg-info", "build", ".venv", ".git",
    ".ruff_cache", ".mypy_cache", ".pytest_cache", ".ipynb_checkpoints", ".Rproj.user", ".Rhistory", ".RData",
    ".env", ".numerai", ".keys", ".DS_Store",
)  # fmt: skip


@dataclass(frozen=True)
class Example:
    """A folder in examples/. `models`: the folders of several models, which share the example as their build context.
    With `variable`, all models share one image, and `models` are the values of that variable."""

    name: str
    tournament: str
    about: str
    models: tuple[str, ...] = ()
    variable: str | None = None
    training: str = '--command "python train.py"'
    """The options with which `pnodes run` trains the model."""

    @property
    def count(self) -> int:
        """The number of nodes that the example creates."""
        return len(self.models) or 1

    def nodes(self, name: str) -> dict[str, str | None]:
        """Return node name -> the folder of its model inside the example; None for the example's own folder."""
        if not self.models:
            return {name: None}
        return {f"{name}-{number}": None if self.variable else model for number, model in enumerate(self.models, 1)}

    def env(self, name: str) -> dict[str, dict[str, str]]:
        """Return node name -> the environment variables that it needs."""
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
    Example(
        "signals-r",
        "signals",
        "Numerai Signals, in R: a random forest with ranger",
        training='--container --command "Rscript train.R"',
    ),
    Example("crypto-python", "crypto", "Numerai Crypto: gradient-boosted trees with scikit-learn"),
    Example(
        "shared-package",
        "classic",
        "Numerai Classic: two models (trees, ridge) that share a package; creates the nodes NAME-1 and NAME-2",
        ("model_1", "model_2"),
    ),
    Example(
        "predictors",
        "classic",
        "Numerai Classic: several predictors in one image, as in the Cloud Run recipe; creates NAME-1 and NAME-2",
        ("pred1", "pred2"),
        "PREDICTOR",
    ),
)


def find(name: str) -> Example:
    """Return an example by its name. Raises UserError."""
    from nodefile.problems import did_you_mean

    examples = {example.name: example for example in EXAMPLES}
    if name not in examples:
        hint = did_you_mean(name, examples)
        raise UserError(f'There is no example "{name}".{hint} Choose one of: {", ".join(examples)}.', 2)
    return examples[name]


def find_folder(example: Example) -> Path:
    """Return an example's folder: in the project of the working directory, else in this checkout. Raises UserError."""
    places = [project.project_folder() / "examples" / example.name, ROOT / "examples" / example.name]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise UserError(f"There is no folder {shown(places[-1])}. Run `pnodes` from a checkout of the project.")
    return folder


def copy(example: Example, target: Path, path: str) -> None:
    """Copy an example to a new or empty folder, and use `path` for that folder in its README. Raises OSError."""
    shutil.copytree(find_folder(example), target, symlinks=True, ignore=_NOT_COPIED, dirs_exist_ok=True)
    readme = target / "README.md"
    if readme.is_file():
        text = readme.read_text(encoding="utf-8")
        readme.write_text(text.replace(f"examples/{example.name}", path), encoding="utf-8")
