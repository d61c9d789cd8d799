"""How a build reaches the package index as this machine does: pip's settings and the authorities that it trusts.

They are mounted into each RUN as secrets, which neither engine writes into a layer, the image's configuration or its
history. Where this machine has nothing of its own (no settings of pip, no authorities beside the public ones), nothing
is mounted and the Dockerfile is built exactly as it is.
"""

from __future__ import annotations

import configparser
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_SETTINGS = ("/etc/pip.conf", "~/.pip/pip.conf", "~/.config/pip/pip.conf")
_KEYS = ("index-url", "extra-index-url", "trusted-host", "timeout", "proxy")
_BUNDLE_VARIABLES = ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
_ANCHORS = ("/usr/local/share/ca-certificates", "/etc/pki/ca-trust/source/anchors")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_IN_BUILD = {"pip": "/etc/pip.conf", "ca": "/etc/pip-ca.pem"}


@dataclass(frozen=True)
class Outside:
    """What a build is given of this machine: pip's settings and a CA bundle, either of which may be absent."""

    settings: dict[str, str]
    bundle: Path | None

    def secrets(self, scratch: Path) -> dict[str, Path]:
        """Secret's id -> file, written into `scratch` where it does not exist as it is."""
        lines = [f"{key} = {value}" for key, value in self.settings.items()]
        if self.bundle is not None:
            lines.append(f"cert = {_IN_BUILD['ca']}")
        if not lines:
            return {}
        file = scratch / "pip.conf"
        file.touch(0o600)  # an index's address may hold a password
        file.write_text("\n".join(["[global]", *lines, ""]))
        return {"pip": file, **({"ca": self.bundle} if self.bundle is not None else {})}


def mounts(secrets: Mapping[str, Path]) -> list[str]:
    """The flags of a RUN that mount these secrets."""
    return [f"--mount=type=secret,id={name},target={_IN_BUILD[name]},mode=0444" for name in secrets]


def proxies(environ: Mapping[str, str]) -> list[str]:
    """The engine's flags that hand this machine's own proxies to a build: by name, so that no value is seen."""
    return [f"--build-arg={name}" for name in _PROXIES if environ.get(name)]


def of_this_machine(environ: Mapping[str, str] | None = None) -> Outside:
    """What pip on this machine would use."""
    env = os.environ if environ is None else environ
    found: dict[str, str] = {}
    for name in _SETTINGS:
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(Path(name).expanduser())
        for section in ("global", "install"):
            if parser.has_section(section):
                found |= dict(parser.items(section))
    found |= {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in env.items()
        if name.startswith("PIP_") and value
    }
    settings = {key: " ".join(found[key].split()) for key in _KEYS if key in found}
    return Outside(settings, _bundle(env, found.get("cert")))


def _bundle(env: Mapping[str, str], cert: str | None) -> Path | None:
    named = [cert, *(env.get(name) for name in _BUNDLE_VARIABLES)]
    # Authorities that somebody added to the system's: pip trusts them, an image's own bundle does not know them.
    if any(Path(folder).is_dir() and any(Path(folder).iterdir()) for folder in _ANCHORS):
        named += _BUNDLES
    return next((Path(name) for name in named if name and Path(name).is_file()), None)
