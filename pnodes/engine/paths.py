"""The paths of generated files. All are inside the checkout, so that deleting it deletes them too."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: the folder of Pulumi.yaml."""

VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"

ENGINE_HOME = TOOLS / "pulumi"
"""The root of this project's own engine, with the executables in `bin`."""

GO_MODULE = ROOT / "pnodes" / "engine" / "go"
"""The pinned Go tools module from which the engine is built if the official download cannot be reached."""


def engine_bin(home: Path = ENGINE_HOME) -> Path:
    """Return the folder of `pulumi`, its language host and its dynamic provider."""
    return home / "bin"


def shown(path: Path) -> str:
    """Return a path for display: relative to the checkout if it is inside."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
