"""Converts the engine's wire values to plain Python: unwraps secrets, reads assets and archives, keeps unknowns."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

from google.protobuf import json_format, struct_pb2

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the engine's signature of secrets
_ASSET = "c44067f5952c0a294b673a41bacd8c17"
_ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"
_OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"


def raw(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Convert a protobuf struct to dictionaries and lists; whole numbers become int."""
    value = _whole(json_format.MessageToDict(struct))
    assert isinstance(value, dict)
    return value


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def plain(value: Any) -> Any:
    """Convert raw values to a handler's values: archives as {file name: bytes}, assets as bytes."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    signature = value.get(_SIGNATURE)
    if signature == _ASSET:
        return _asset(value)
    if signature == _ARCHIVE:
        return _archive(value)
    if signature in (_SECRET, _OUTPUT):
        return plain(value.get("value", UNKNOWN))
    return {key: plain(item) for key, item in value.items()}


def _asset(value: dict[str, Any]) -> bytes:
    if "path" in value:
        return Path(value["path"]).read_bytes()
    # The state contains only the hash of an asset, not its content.
    return str(value.get("text", "")).encode()


def _archive(value: dict[str, Any]) -> dict[str, bytes]:
    if "path" in value:
        return unpack(Path(value["path"]).read_bytes())
    if "assets" in value:
        files: dict[str, bytes] = {}
        for name, item in value["assets"].items():
            content = plain(item)
            files.update(
                {f"{name}/{sub}": data for sub, data in content.items()}
                if isinstance(content, dict)
                else {name: content}
            )
        return dict(sorted(files.items()))
    return {}


def unpack(archive: bytes) -> dict[str, bytes]:
    """Return the files of a zip or (compressed) tar by name."""
    if archive[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(archive)) as bundle:
            return {name: bundle.read(name) for name in sorted(bundle.namelist()) if not name.endswith("/")}
    with tarfile.open(fileobj=io.BytesIO(archive)) as bundle:
        members = sorted((m for m in bundle.getmembers() if m.isfile()), key=lambda m: m.name)
        return {m.name.removeprefix("./"): handle.read() for m in members if (handle := bundle.extractfile(m))}


def pack(files: dict[str, bytes]) -> bytes:
    """Pack files into a deterministic zip."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in sorted(files.items()):
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o100644 << 16
            bundle.writestr(entry, data)
    return buffer.getvalue()


def is_asset(value: Any) -> bool:
    """Return whether a raw value is an asset or an archive."""
    return isinstance(value, dict) and value.get(_SIGNATURE) in (_ASSET, _ARCHIVE)


def comparable(value: Any) -> Any:
    """Prepare raw values for a diff: unwrap secrets, and replace assets with hashes of their content."""
    if isinstance(value, list):
        return [comparable(item) for item in value]
    if not isinstance(value, dict):
        return value
    signature = value.get(_SIGNATURE)
    if is_asset(value):
        return value.get("hash") or hashlib.sha256(repr(plain(value)).encode()).hexdigest()
    if signature in (_SECRET, _OUTPUT):
        return comparable(value.get("value", UNKNOWN))
    return {key: comparable(item) for key, item in value.items()}


def has_unknown(value: Any) -> bool:
    """Return whether a value is or contains one that is known only after an update."""
    if isinstance(value, dict):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return bool(value == UNKNOWN)


def struct(value: dict[str, Any]) -> struct_pb2.Struct:
    """Convert a dictionary to a protobuf struct."""
    message = struct_pb2.Struct()
    json_format.ParseDict(value, message)
    return message
