"""Finds keys among the files that would be sent to an image builder: by their names, and by what only keys look like.

What is fine is not refused: `.env.example`, a bundle of public certificates, the word "secret" in a program.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path

_NAMES = frozenset(
    {".env", ".keys", ".pypirc", ".netrc", "_netrc", ".git-credentials", ".pgpass", ".dockercfg", ".htpasswd"}
    | {"id_rsa", "id_dsa", "id_ecdsa", "id_ed25519", "application_default_credentials.json"}
)
_FOLDERS = frozenset({".numerai", ".aws", ".azure", ".ssh", ".gnupg"})
# .env.local holds values, .env.example says which there are.
_SHOWN = "(?:example|sample|template|tmpl|dist|defaults?|schema)"
_ENV = re.compile(rf"^\.env\.(?!{_SHOWN}$)|^(?!(?:.*[._-])?{_SHOWN}\.env$).+\.env$")
_MAY_HOLD_A_PRIVATE_KEY = (".pem", ".key", ".p8", ".ppk")
_PRIVATE_KEY = re.compile(rb"^-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----|^PuTTY-User-Key-File", re.MULTILINE)
_SERVICE_ACCOUNT = re.compile(rb'"type"\s*:\s*"service_account"')
# Numerai's keys are 32 and 64 capitals and digits; one that is given a name, or both as numerapi takes them.
_NUMERAI = re.compile(
    rb"""(?i:secret[\w-]{0,12})\\*["']?(?:[ \t]*:[ \t]*str)?"""
    rb"""[ \t]*[:=,][ \t]*\\*["']?(?=[0-9A-Z]*[G-Z])[0-9A-Z]{64}(?![0-9A-Za-z])"""
    rb"""|["'][0-9A-Z]{32}["']\s*,\s*(?:secret_key\s*=\s*)?["'](?=[0-9A-Z]*[G-Z])[0-9A-Z]{64}["']"""
)
# Notebooks with pictures grow large, and keys are often in them.
_MOST_READ = 32 * 1024 * 1024
_TEXTS = frozenset({"", ".py", ".r", ".ipynb", ".txt", ".toml", ".yaml", ".yml", ".json", ".sh", ".cfg", ".ini", ".md"})


def folder_of_keys(path: str) -> str | None:
    """The folder in a path whose files are keys, as a path itself (`sub/.numerai`); None if there is none."""
    folders = path.rstrip("/").split("/")[:-1]
    found = next((index for index, folder in enumerate(folders) if folder.lower() in _FOLDERS), None)
    return None if found is None else "/".join(folders[: found + 1])


def key_in(root: Path, path: str) -> str | None:
    """What a file of a context holds that must not be in an image (`the key file .env`), or None."""
    name, secret = path.rstrip("/").split("/")[-1], folder_of_keys(path)
    if secret is not None:
        return f"a file of {secret.split('/')[-1]}, a folder for keys"
    if name.lower() in _NAMES or _ENV.match(name.lower()):
        return "a key file by its name"
    facts = (root / path).lstat()
    suffix = Path(name).suffix.lower()
    if (
        not stat.S_ISREG(facts.st_mode)
        or facts.st_size > _MOST_READ
        or suffix not in {*_TEXTS, *_MAY_HOLD_A_PRIVATE_KEY}
    ):
        return None
    content = (root / path).read_bytes()
    if suffix in _MAY_HOLD_A_PRIVATE_KEY:
        return "a private key" if _PRIVATE_KEY.search(content) else None
    if suffix == ".json" and _SERVICE_ACCOUNT.search(content) and _PRIVATE_KEY_FIELD.search(content):
        return "the key of a Google service account"
    return "a Numerai API key" if _NUMERAI.search(content) else None


_PRIVATE_KEY_FIELD = re.compile(rb'"private_key"\s*:\s*"-----BEGIN')
