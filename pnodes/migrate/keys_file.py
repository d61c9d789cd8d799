"""Reads the `.keys` file of numerai-cli beside nodes.json: JSON with a part for Numerai and one for each cloud, or an
INI file before version 0.3. Its content is never printed."""

from __future__ import annotations

import configparser
import json
from pathlib import Path

from pnodes.migrate.nodes_json import WrongFile, read_text
from providers.numerai.keys import Keys

_PUBLIC_ID, _SECRET = "NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"


def read(file: Path) -> Keys:
    """Return the keys for Numerai in a file. Raises WrongFile, whose sentences contain no keys."""
    text = read_text(file, f"There is no {file}, the file with numerai-cli's API keys.", "numerai-cli's keys")
    parts = _ini(text) if text.lstrip().startswith("[") else _json(text)
    if parts is None:
        raise WrongFile(f"{file} is neither JSON nor an INI file; expected numerai-cli's keys.")
    pairs = parts.get("numerai") or parts.get("default") or {}
    keys = [str(pairs.get(name) or pairs.get(name.lower()) or "").strip() for name in (_PUBLIC_ID, _SECRET)]
    if not all(keys):
        raise WrongFile(f"{file} does not contain {_PUBLIC_ID} and {_SECRET} under `numerai`.")
    return Keys(*keys)


def _json(text: str) -> dict[str, dict[str, object]] | None:
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError):
        return None
    if not isinstance(document, dict):
        return None
    return {name: part for name, part in document.items() if isinstance(part, dict)}


def _ini(text: str) -> dict[str, dict[str, object]] | None:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return None
    return {name: dict(parser[name]) for name in parser.sections()}
