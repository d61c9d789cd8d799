"""Finds keys among the files of a build context, by file names and by content that only keys have.

Harmless files pass: `.env.example`, a bundle of public certificates, a program with the word "secret".
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

from providers.images.once import read_once

_NAMES = frozenset(
    {".env", ".keys", ".pypirc", ".netrc", "_netrc", ".git-credentials", ".pgpass", ".dockercfg", ".htpasswd"}
    | {"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "application_default_credentials.json"}
)
_FOLDERS = frozenset({".numerai", ".aws", ".azure", ".ssh", ".gnupg"})
# .env.local contains values, .env.example only their names.
_EXAMPLE = "(?:example|sample|template|tmpl|dist|defaults?|schema)"
_ENV = re.compile(rf"^\.env\.(?!{_EXAMPLE}$)|^(?!(?:.*[._-])?{_EXAMPLE}\.env$).+\.env$")
_MAY_HOLD_A_PRIVATE_KEY = (".pem", ".key", ".p8", ".ppk")
_PRIVATE_KEY = re.compile(rb"^-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----|^PuTTY-User-Key-File", re.MULTILINE)
_SERVICE_ACCOUNT = re.compile(rb'"type"\s*:\s*"service_account"')
# Numerai's keys are 32 and 64 capitals and digits: a secret key that is assigned, or a pair as arguments of numerapi.
_NUMERAI = re.compile(
    rb"""(?i:secret[\w-]{0,12})\\*["']?(?:[ \t]*:[ \t]*str)?"""
    rb"""[ \t]*[:=,][ \t]*\\*["']?(?=[0-9A-Z]*[G-Z])[0-9A-Z]{64}(?![0-9A-Za-z])"""
    rb"""|["'][0-9A-Z]{32}["']\s*,\s*(?:secret_key\s*=\s*)?["'](?=[0-9A-Z]*[G-Z])[0-9A-Z]{64}["']"""
)
# Large enough for notebooks with pictures, which often contain keys.
_MAX_READ = 32 * 1024 * 1024
_TEXTS = frozenset({"", ".py", ".r", ".ipynb", ".txt", ".toml", ".yaml", ".yml", ".json", ".sh", ".cfg", ".ini", ".md"})


def find_key_folder(path: str) -> str | None:
    """Return the path of the key folder that contains a file (`sub/.numerai`), or None."""
    folders = path.rstrip("/").split("/")[:-1]
    last = next((index for index, folder in enumerate(folders) if folder.lower() in _FOLDERS), None)
    return None if last is None else "/".join(folders[: last + 1])


def find_key(root: Path, path: str) -> str | None:
    """Return a description of the key in a file of a context (`a private key`), or None."""
    name, folder = path.rstrip("/").split("/")[-1], find_key_folder(path)
    if folder is not None:
        return f"in {folder.split('/')[-1]}, a folder for keys"
    if name.lower() in _NAMES or _ENV.match(name.lower()):
        return "a key file, by its name"
    facts = (root / path).lstat()
    suffix = Path(name).suffix.lower()
    if (
        not stat.S_ISREG(facts.st_mode)
        or facts.st_size > _MAX_READ
        or suffix not in {*_TEXTS, *_MAY_HOLD_A_PRIVATE_KEY}
    ):
        return None
    return _find_key_in_content(root / path, facts)


@read_once
def _find_key_in_content(path: Path) -> str | None:
    content, suffix = path.read_bytes(), path.suffix.lower()
    if suffix in _MAY_HOLD_A_PRIVATE_KEY:
        return "a private key" if _PRIVATE_KEY.search(content) else None
    if suffix == ".json" and _SERVICE_ACCOUNT.search(content) and _PRIVATE_KEY_FIELD.search(content):
        return "the key of a Google service account"
    return "a Numerai API key" if _NUMERAI.search(content) else None


_PRIVATE_KEY_FIELD = re.compile(rb'"private_key"\s*:\s*"-----BEGIN')
