"""A node's source folder and build context, found beside nodes.yaml."""

from __future__ import annotations

from pathlib import Path

from nodefile.problems import did_you_mean


class WrongFolder(ValueError):
    """What is the matter with `source` or `context` (`key` says which)."""

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        super().__init__(message)


def resolve(base: Path, source: str, context: str | None) -> tuple[Path, Path]:
    """Both as absolute paths. Raises WrongFolder."""
    found = _folder(base, "source", source)
    around = found if context is None else _folder(base, "context", context)
    if not found.is_relative_to(around):
        raise WrongFolder("context", f"{source} is not inside of {context}; a Dockerfile lies in its context.")
    if not (found / "Dockerfile").is_file():
        near = [name for name in _names(found) if name.lower() == "dockerfile"]
        hint = f' Its "{near[0]}" has to be a file with the name "Dockerfile".' if near else ""
        raise WrongFolder("source", f"{source} holds no Dockerfile.{hint}")
    return found, around


def _folder(base: Path, key: str, written: str) -> Path:
    try:
        found = (base / written).resolve()
        if found.is_dir():
            return found
        is_file = found.is_file()
    except RuntimeError:  # links in a circle
        raise WrongFolder(key, f"{written} is a link that leads to no folder.") from None
    except OSError as error:  # too long a name, no permission
        raise WrongFolder(key, f"the folder {written[:100]} cannot be read ({error.strerror}).") from None
    if is_file:
        raise WrongFolder(key, f"{written} is a file; expected the folder that holds it.")
    if written.startswith("~"):
        raise WrongFolder(key, f"there is no folder {written}; ~ is not read here, write the path itself.")
    if (base / written).is_symlink():
        raise WrongFolder(key, f"{written} is a link that leads to no folder.")
    raise WrongFolder(key, f"there is no folder {written}.{did_you_mean(found.name, _names(found.parent))}")


def _names(folder: Path) -> list[str]:
    """The names in a folder; none when it cannot be read."""
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []
