"""The environment in which unmodified `pulumi`, `aws`, `curl` and Python use the sandbox.

Every HTTPS request goes to the sandbox's gateway as the client `deployer`, who has all permissions. The variables make
clients trust the gateway's certificate authority, attach the engine to the simulated providers, and keep Pulumi's state
in the sandbox's home.
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
TRUSTED = "trusted.pem"
"""The file, in the sandbox's home, of the authorities that clients in the shell trust."""
PASSPHRASE = "sandbox"  # noqa: S105 (the passphrase of Pulumi.sandbox.yaml is deliberately public)

# The deployer's service principal; the tenant is that of Pulumi.sandbox.yaml.
_AZURE_TENANT, _AZURE_CLIENT = "00000000-0000-0000-0000-000000000002", "5a4db0c5-0000-4000-8000-000000000004"

# The user's own cloud credentials and stack, which would take precedence over the sandbox's.
UNSET = (
    *("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "PULUMI_STACK"),
    *("GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_CREDENTIALS", "GOOGLE_CLOUD_KEYFILE_JSON", "GCLOUD_KEYFILE_JSON"),
    *("GOOGLE_IMPERSONATE_SERVICE_ACCOUNT", "GOOGLE_CLOUD_QUOTA_PROJECT"),
    *("ARM_CLIENT_ID", "ARM_CLIENT_SECRET", "ARM_TENANT_ID", "ARM_OIDC_TOKEN", "ARM_CLIENT_CERTIFICATE_PATH"),
    *("ARM_USE_MSI", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_TOKEN_CREDENTIALS"),
)


def build_variables(daemon: "Daemon", engine_bin: Path, path: str | None = None) -> dict[str, str]:
    """Return the variables to set for a running sandbox; `path` replaces this process's own PATH."""
    search = os.environ.get("PATH", os.defpath) if path is None else path
    return {
        "PATH": _prepend([VENV / "bin", engine_bin], search),
        "PULUMI_HOME": str(daemon.home / "pulumi"),
        "PULUMI_BACKEND_URL": f"file://{daemon.home / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_DEBUG_PROVIDERS": ",".join(f"{name}:{port}" for name, port in daemon.plugins.items()),
        "PNODES_WHEN_STOPPED": (
            f"The sandbox has stopped. Start it with `pnodes sandbox start`, then run `{hint()}` again."
        ),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        # Real Numerai keys do not belong in this stack: its passphrase is public.
        "PNODES_IMPORT_KEYS": "no",
        "PNODES_INSTALL_WITHOUT": ",".join(_network_variables("", "")),
        **_network_variables(daemon.gateway, str(daemon.home / TRUSTED)),
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


def build_environment(daemon: "Daemon", engine_bin: Path) -> dict[str, str]:
    """Return the complete environment of a process that uses the sandbox, and create the folder of Pulumi's state."""
    (daemon.home / "state").mkdir(parents=True, exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if name not in UNSET}
    return {**inherited, **build_variables(daemon, engine_bin)}


def export_lines(settings: Mapping[str, str]) -> str:
    """Return the variables as lines for `eval` in a POSIX shell."""
    lines = [f"unset {' '.join(UNSET)}"]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in settings.items()]
    return "\n".join(lines)


def without_sandbox(inherited: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the sandbox's variables, for a daemon that is started from the sandbox's shell."""
    environment = dict(inherited)
    if f"//{DEPLOYER}:" not in environment.get("HTTPS_PROXY", ""):
        return environment
    for name in (*_network_variables("", ""), "PULUMI_DEBUG_PROVIDERS"):
        environment.pop(name, None)
    return environment


def _network_variables(gateway: str, ca: str) -> dict[str, str]:
    """Return the variables that make unmodified clients use the gateway and trust its certificate authority."""
    proxy = f"http://{DEPLOYER}:sandbox@{gateway}"
    local = "127.0.0.1,localhost,::1"
    return {
        **dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), proxy),
        **dict.fromkeys(("NO_PROXY", "no_proxy"), local),
        **dict.fromkeys(("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE"), ca),
    }


def _prepend(folders: list[Path], search: str) -> str:
    """Put folders at the front of a search path; folders that are already in it are moved."""
    first = [str(folder) for folder in folders]
    return os.pathsep.join([*dict.fromkeys(first), *(part for part in search.split(os.pathsep) if part not in first)])


def hint() -> str:
    """Return the line that makes a shell use the sandbox, valid in the current folder."""
    command = "pnodes" if shutil.which("pnodes") else os.path.relpath(VENV / "bin" / "pnodes")
    return f'eval "$({command} sandbox env)"'
