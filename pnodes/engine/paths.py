"""Where the project keeps what it makes for itself. Everything lies under the checkout, so removing it removes all."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The checkout: the folder of Pulumi.yaml."""

VENV = ROOT / ".venv"
TOOLS = ROOT / ".tools"

ENGINE_HOME = TOOLS / "pulumi"
"""Root of an engine of our own; the executables lie in its `bin`."""

GO_MODULE = ROOT / "pnodes" / "engine" / "go"
"""The pinned tools module from which the engine is built when the official download cannot be reached."""


def engine_bin(home: Path = ENGINE_HOME) -> Path:
    """The folder of `pulumi`, its language host and its dynamic provider."""
    return home / "bin"


def shown(path: Path) -> str:
    """A path as a person wants to read it: relative to the checkout where it lies inside."""
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
