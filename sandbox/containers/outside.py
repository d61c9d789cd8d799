"""Lets builds reach the package index with this machine's pip settings and trusted certificate authorities.

They are mounted into each RUN as secrets, which the engines do not write into a layer, the image's configuration or its
history. If this machine has no pip settings and only public authorities, nothing is mounted and the Dockerfile is built
without changes.
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
    """This machine's pip settings and CA bundle for builds; either may be absent."""

    settings: dict[str, str]
    bundle: Path | None

    def secrets(self, scratch: Path) -> dict[str, Path]:
        """Return secret id -> file; files that do not exist on this machine are written into `scratch`."""
        lines = [f"{key} = {value}" for key, value in self.settings.items()]
        if self.bundle is not None:
            lines.append(f"cert = {_IN_BUILD['ca']}")
        if not lines:
            return {}
        file = scratch / "pip.conf"
        file.touch(0o600)  # an index's URL may contain a password
        file.write_text("\n".join(["[global]", *lines, ""]))
        return {"pip": file, **({"ca": self.bundle} if self.bundle is not None else {})}


def mounts(secrets: Mapping[str, Path]) -> list[str]:
    """Return the flags of a RUN that mount these secrets."""
    return [f"--mount=type=secret,id={name},target={_IN_BUILD[name]},mode=0444" for name in secrets]


def proxies(environ: Mapping[str, str]) -> list[str]:
    """Return the engine's flags that pass this machine's proxies to a build, by name so that values stay hidden."""
    return [f"--build-arg={name}" for name in _PROXIES if environ.get(name)]


def read_machine(environ: Mapping[str, str] | None = None) -> Outside:
    """Read the settings and CA bundle that pip uses on this machine."""
    env = os.environ if environ is None else environ
    configured: dict[str, str] = {}
    for name in _SETTINGS:
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(Path(name).expanduser())
        for section in ("global", "install"):
            if parser.has_section(section):
                configured |= dict(parser.items(section))
    configured |= {
        name.removeprefix("PIP_").lower().replace("_", "-"): value
        for name, value in env.items()
        if name.startswith("PIP_") and value
    }
    settings = {key: " ".join(configured[key].split()) for key in _KEYS if key in configured}
    return Outside(settings, _bundle(env, configured.get("cert")))


def _bundle(env: Mapping[str, str], cert: str | None) -> Path | None:
    named = [cert, *(env.get(name) for name in _BUNDLE_VARIABLES)]
    # Authorities added to the system's bundle: pip on this machine trusts them, but an image's own bundle lacks them.
    if any(Path(folder).is_dir() and any(Path(folder).iterdir()) for folder in _ANCHORS):
        named += _BUNDLES
    return next((Path(name) for name in named if name and Path(name).is_file()), None)
