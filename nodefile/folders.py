"""Resolves a node's source folder and build context relative to nodes.yaml."""

from __future__ import annotations

from pathlib import Path

from nodefile.problems import did_you_mean


class WrongFolder(ValueError):
    """The source of a node is not usable; `key` is the key that says so, such as `source`, `context` or `pickle`."""

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        super().__init__(message)


def resolve(base: Path, source: str, context: str | None) -> tuple[Path, Path]:
    """Return both as absolute paths. Raises WrongFolder."""
    source_folder = _resolve_folder(base, "source", source)
    context_folder = source_folder if context is None else _resolve_folder(base, "context", context)
    if not source_folder.is_relative_to(context_folder):
        raise WrongFolder("context", f"{source} is not inside {context}; a Dockerfile must be in its build context.")
    if not (source_folder / "Dockerfile").is_file():
        near = [name for name in _list_names(source_folder) if name.lower() == "dockerfile"]
        hint = f' Its "{near[0]}" must be a file named "Dockerfile".' if near else ""
        raise WrongFolder("source", f"{source} contains no Dockerfile.{hint}")
    return source_folder, context_folder


def find_file(base: Path, key: str, path: str) -> Path:
    """Return a file's absolute path. Raises WrongFolder."""
    file = base / path
    try:
        if file.is_file():
            return file.resolve()
    except OSError as error:
        raise WrongFolder(key, f"the file {path[:100]} cannot be read ({error.strerror}).") from None
    kind = "is not a file" if file.exists() else "does not exist"
    raise WrongFolder(key, f"{path} {kind}.{did_you_mean(file.name, _list_names(file.parent))}")


def _resolve_folder(base: Path, key: str, path: str) -> Path:
    try:
        folder = (base / path).resolve()
        if folder.is_dir():
            return folder
        is_file = folder.is_file()
    except RuntimeError:  # circular links
        raise WrongFolder(key, f"{path} is a link that does not lead to a folder.") from None
    except OSError as error:  # too long a name, no permission
        raise WrongFolder(key, f"the folder {path[:100]} cannot be read ({error.strerror}).") from None
    if is_file:
        raise WrongFolder(key, f"{path} is a file; expected the folder that contains it.")
    if path.startswith("~"):
        raise WrongFolder(key, f"there is no folder {path}; ~ is not expanded, write the whole path.")
    if (base / path).is_symlink():
        raise WrongFolder(key, f"{path} is a link that does not lead to a folder.")
    raise WrongFolder(key, f"there is no folder {path}.{did_you_mean(folder.name, _list_names(folder.parent))}")


def _list_names(folder: Path) -> list[str]:
    """Return the names in a folder; none if it cannot be read."""
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []
