"""The variables of a shell that uses the sandbox, and the lines that set them."""

import os
import subprocess
from pathlib import Path

import pytest

from pnodes.engine.paths import VENV
from pnodes.local.variables import for_installing
from sandbox.cli import shell as sandbox_shell
from sandbox.cli.process import Daemon
from sandbox.network import Network

DAEMON = Daemon(
    home=Path("/home/a person/.sandbox"),
    pid=1,
    control="http://127.0.0.1:4000",
    gateway="127.0.0.1:4001",
    plugins={"aws": 4002, "gcp": 4003, "azure-native": 4004},
    ca=Path("/home/a person/.sandbox/ca.pem"),
    numerai={"public_id": "PUBLIC", "secret_key": "it's $ecret"},
)


def test_the_engine_uses_the_sandbox() -> None:
    variables = sandbox_shell.build_variables(DAEMON, Path("/engine/bin"), path="/usr/bin")
    assert variables["PATH"] == f"{VENV}/bin:/engine/bin:/usr/bin"
    assert variables["PULUMI_DEBUG_PROVIDERS"] == "aws:4002,gcp:4003,azure-native:4004"
    assert variables["PULUMI_BACKEND_URL"] == "file:///home/a person/.sandbox/state"
    assert variables["PULUMI_CONFIG_PASSPHRASE"] == "sandbox"


def test_the_network_is_the_same_as_for_the_sandboxs_own_processes() -> None:
    variables = sandbox_shell.build_variables(DAEMON, Path("/engine/bin"))
    # Clients in the shell also trust the usual authorities, because the gateway lets other hosts pass through.
    expected = Network(4001, DAEMON.home / "trusted.pem").environment("deployer")
    assert {name: variables[name] for name in expected} == expected


def test_a_second_setup_does_not_lengthen_the_path() -> None:
    once = sandbox_shell.build_variables(DAEMON, Path("/engine/bin"), path="/usr/bin")["PATH"]
    assert sandbox_shell.build_variables(DAEMON, Path("/engine/bin"), path=once)["PATH"] == once


def test_a_shell_reads_back_the_printed_variables() -> None:
    variables = sandbox_shell.build_variables(DAEMON, Path("/engine/bin"), path="/usr/bin:/bin")
    lines = sandbox_shell.export_lines(variables)
    shell = subprocess.run(
        ["/bin/sh", "-c", 'eval "$1"; env -0', "sh", lines],
        env={"AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "mine", "PULUMI_STACK": "prod"},
        capture_output=True,
        text=True,
        check=True,
    )
    environment = dict(entry.split("=", 1) for entry in shell.stdout.split("\0") if entry)
    assert {name: environment.get(name) for name in variables} == variables
    assert set(sandbox_shell.UNSET) & set(environment) == set()


def test_a_process_gets_none_of_the_users_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "mine")
    daemon = Daemon(tmp_path, 1, DAEMON.control, DAEMON.gateway, DAEMON.plugins, DAEMON.ca, DAEMON.numerai)
    environment = sandbox_shell.build_environment(daemon, Path("/engine/bin"))
    assert "AWS_SESSION_TOKEN" not in environment
    assert environment["AWS_ACCESS_KEY_ID"] == "AKIASANDBOXDEPLOYER"
    assert (tmp_path / "state").is_dir()


def test_a_daemon_started_from_the_sandboxs_shell_does_not_use_the_gateway() -> None:
    variables = {**os.environ, **sandbox_shell.build_variables(DAEMON, Path("/engine/bin"))}
    environment = sandbox_shell.without_sandbox(variables)
    assert "HTTPS_PROXY" not in environment
    assert "SSL_CERT_FILE" not in environment
    assert "PULUMI_DEBUG_PROVIDERS" not in environment


def test_packages_are_downloaded_without_the_proxy_and_keys_are_not_imported() -> None:
    variables = {"HOME": "/h", **sandbox_shell.build_variables(DAEMON, Path("/engine/bin"))}
    downloading = for_installing(variables)
    assert set(variables) - set(downloading) == set(Network(4001, DAEMON.ca).environment("deployer"))
    assert variables["PNODES_IMPORT_KEYS"] == "no"


def test_the_users_own_proxy_is_kept() -> None:
    own = {"HTTPS_PROXY": "http://proxy.example:3128", "SSL_CERT_FILE": "/etc/ssl/own.pem"}
    assert sandbox_shell.without_sandbox(own) == own
