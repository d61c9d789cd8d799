"""The variables of a shell in the sandbox, and how they are printed."""

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


def test_the_engine_is_led_to_the_sandbox() -> None:
    found = sandbox_shell.variables(DAEMON, Path("/engine/bin"), path="/usr/bin")
    assert found["PATH"] == f"{VENV}/bin:/engine/bin:/usr/bin"
    assert found["PULUMI_DEBUG_PROVIDERS"] == "aws:4002,gcp:4003,azure-native:4004"
    assert found["PULUMI_BACKEND_URL"] == "file:///home/a person/.sandbox/state"
    assert found["PULUMI_CONFIG_PASSPHRASE"] == "sandbox"


def test_the_network_is_that_of_the_sandboxs_own_processes() -> None:
    found = sandbox_shell.variables(DAEMON, Path("/engine/bin"))
    expected = Network(4001, DAEMON.ca).environment("deployer")
    assert {name: found[name] for name in expected} == expected


def test_set_up_twice_the_path_does_not_grow() -> None:
    once = sandbox_shell.variables(DAEMON, Path("/engine/bin"), path="/usr/bin")["PATH"]
    assert sandbox_shell.variables(DAEMON, Path("/engine/bin"), path=once)["PATH"] == once


def test_a_shell_reads_back_what_was_printed() -> None:
    wanted = sandbox_shell.variables(DAEMON, Path("/engine/bin"), path="/usr/bin:/bin")
    lines = sandbox_shell.export_lines(wanted)
    shell = subprocess.run(
        ["/bin/sh", "-c", 'eval "$1"; env -0', "sh", lines],
        env={"AWS_PROFILE": "mine", "AWS_SESSION_TOKEN": "mine", "PULUMI_STACK": "prod"},
        capture_output=True,
        text=True,
        check=True,
    )
    found = dict(entry.split("=", 1) for entry in shell.stdout.split("\0") if entry)
    assert {name: found.get(name) for name in wanted} == wanted
    assert set(sandbox_shell.UNSET) & set(found) == set()


def test_a_process_gets_none_of_a_persons_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", "mine")
    daemon = Daemon(tmp_path, 1, DAEMON.control, DAEMON.gateway, DAEMON.plugins, DAEMON.ca, DAEMON.numerai)
    found = sandbox_shell.environment(daemon, Path("/engine/bin"))
    assert "AWS_SESSION_TOKEN" not in found
    assert found["AWS_ACCESS_KEY_ID"] == "AKIASANDBOXDEPLOYER"
    assert (tmp_path / "state").is_dir()


def test_a_daemon_started_from_such_a_shell_reaches_the_world() -> None:
    inside = {**os.environ, **sandbox_shell.variables(DAEMON, Path("/engine/bin"))}
    cleaned = sandbox_shell.without_sandbox(inside)
    assert "HTTPS_PROXY" not in cleaned
    assert "SSL_CERT_FILE" not in cleaned
    assert "PULUMI_DEBUG_PROVIDERS" not in cleaned


def test_packages_are_downloaded_past_the_sandbox_and_keys_stay_where_they_are() -> None:
    inside = {"HOME": "/h", **sandbox_shell.variables(DAEMON, Path("/engine/bin"))}
    downloading = for_installing(inside)
    assert set(inside) - set(downloading) == set(Network(4001, DAEMON.ca).environment("deployer"))
    assert inside["PNODES_IMPORT_KEYS"] == "no"


def test_a_persons_own_proxy_stays() -> None:
    own = {"HTTPS_PROXY": "http://proxy.example:3128", "SSL_CERT_FILE": "/etc/ssl/own.pem"}
    assert sandbox_shell.without_sandbox(own) == own
