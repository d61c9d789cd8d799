"""The environment in which plain `pulumi`, `aws`, `curl` and Python work against the sandbox.

Every HTTPS request goes to the sandbox's gateway (under the name `deployer`: the person who may do everything), whose
authority is trusted by these variables and nowhere else; the engine is given the stand-in providers; state lies in the
sandbox's home.
"""

import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from pnodes.engine.paths import VENV

if TYPE_CHECKING:
    from sandbox.cli.process import Daemon

DEPLOYER = "deployer"
PASSPHRASE = "sandbox"  # noqa: S105 (what Pulumi.sandbox.yaml is encrypted with, on purpose known to everybody)

# The deployer's service principal; the directory is the one of Pulumi.sandbox.yaml.
_AZURE_TENANT, _AZURE_CLIENT = "00000000-0000-0000-0000-000000000002", "5a4db0c5-0000-4000-8000-000000000004"

# A person's own cloud credentials and stack, which would win over the sandbox's.
UNSET = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "PULUMI_STACK"),
    *("GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_CREDENTIALS", "GOOGLE_CLOUD_KEYFILE_JSON", "GCLOUD_KEYFILE_JSON"),
    *("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT", "GOOGLE_CLOUD_QUOTA_PROJECT"),
    *("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_TENANT_ID", "ARM_OIDC_TOKEN", "ARM_CLIENT_CERTIFICATE_PATH"),
    *("AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_TOKEN_CREDENTIALS"),
)


def variables(daemon: "Daemon", engine_bin: Path, path: str | None = None) -> dict[str, str]:
    """The variables to set for a running sandbox."""
    search = os.environ.get("PATH", os.defpath) if path is None else path
    return {
        "PATH": _prepended([VENV / "bin", engine_bin], search),
        "PULUMI_HOME": str(daemon.home / "pulumi"),
        "PULUMI_BACKEND_URL": f"file://{daemon.home / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{port}" for name, port in daemon.plugins.items()),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # The sandbox's Numerai has keys of its own, and everybody knows its passphrase.
        "PNODES_IMPORT_KEYS": "no",
        "PNODES_INSTALL_WITHOUT": ",".join(_network("", "")),
        **_network(daemon.gateway, str(daemon.ca)),
        "AWS_ACCESS_KEY_ID": "AKIASANDBOXDEPLOYER",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_REGION": "us-east-1",
        "GOOGLE_APPLICATION_CREDENTIALS": str(daemon.home / "google-credentials.json"),
        "AZURE_TENANT_ID": _AZURE_TENANT,
        "AZURE_CLIENT_ID": _AZURE_CLIENT,
        "AZURE_CLIENT_SECRET": "sandbox",
        "NUMERAI_PUBLIC_ID": daemon.numerai["public_id"],
        "NUMERAI_SECRET_KEY": daemon.numerai["secret_key"],
    }


def environment(daemon: "Daemon", engine_bin: Path) -> dict[str, str]:
    """The whole environment of a process in the sandbox's shell. Makes the folder of the state."""
    (daemon.home / "state").mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if name not in UNSET}
    return {**inherited, **variables(daemon, engine_bin)}


def export_lines(settings: Mapping[str, str]) -> str:
    """What `eval` in a POSIX shell wants."""
    lines = [f"unset {' '.join(UNSET)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    return "\n".join(lines)


def without_sandbox(inherited: Mapping[str, str]) -> dict[str, str]:
    """An environment without the variables above, for a daemon that is started from such a shell."""
    environment = dict(inherited)
    if f"//{DEPLOYER}:" not in environment.get("HTTPS_PROXY", ""):
        return environment
    for name in (*_network("", ""), "PULUMI_DEBUG_PROVIDERS"):
        environment.pop(name, None)
    return environment


def _network(gateway: str, ca: str) -> dict[str, str]:
    """What makes unmodified clients go through the gateway and trust its authority."""
    proxy = f"http://{DEPLOYER}:sandbox@{gateway}"
    local = "127.0.0.1,localhost,::1"
    return {
        **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), proxy),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), local),
        **dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE"), ca),
    }


def _prepended(folders: list[Path], search: str) -> str:
    """These folders first; each of them once, also when the shell was set up before."""
    first = [str(folder) for folder in folders]
    return os.pathsep.join([*dict.fromkeys(first), *(part for part in search.split(os.pathsep) if part not in first)])


def hint() -> str:
    """The line that sets a shell up, as it works from where the person stands."""
    own = VENV / "bin" / "pnodes"
    command = "pnodes" if shutil.which("pnodes") else os.path.relpath(own)
    return f'eval "$({command} sandbox env)"'
