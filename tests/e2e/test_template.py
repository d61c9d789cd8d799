"""`pulumi new URL`: creating a project from this one as a template, with the real engine and a git server."""

from __future__ import annotations

import io
import os
import ssl
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import certifi
import pytest
import trustme
import yaml

from nodefile.parse import load
from pnodes.engine.paths import ROOT
from tests.pulumi_cli import PulumiCli

pytestmark = pytest.mark.e2e
AUTHOR = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.com")


class _Site(BaseHTTPRequestHandler):
    """A git host (git's server program behind HTTP) and Pulumi's downloads, where every plugin is an empty program."""

    repositories: Path

    def _git(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        done = subprocess.run(
            ["git", "http-backend"],
            input=body,
            env={
                **os.environ,
                "GIT_PROJECT_ROOT": str(self.repositories),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            },
            capture_output=True,
            check=True,
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self._send(int(headers.pop("Status", "200").split()[0]), headers["Content-Type"], content)

    def _plugin(self) -> None:
        name = Path(self.path).name.split("-v")[0]
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            entry = tarfile.TarInfo(name)
            entry.mode, script = 0o755, b"#!/bin/sh\n"
            entry.size = len(script)
            archive.addfile(entry, io.BytesIO(script))
        self._send(200, "application/gzip", packed.getvalue())

    def _any(self) -> None:
        if "pulumi-resource-" in self.path:
            self._plugin()
        else:
            self._git()

    do_GET = do_POST = _any  # noqa: N815 (the names of http.server)

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Discard the access log."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Serve this checkout as someone/prediction-nodes on a git host; yield its URL."""
    repository = tmp_path / "git" / "someone" / "prediction-nodes.git"
    subprocess.run(["git", "clone", "-q", "--bare", str(ROOT), str(repository)], check=True)
    work = tmp_path / "work"
    subprocess.run(["git", "clone", "-q", str(repository), str(work)], check=True)
    # The test includes changes that are not committed yet.
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-m", "-o", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(["git", "add", "-A"], cwd=work, check=True)
    subprocess.run(["git", *AUTHOR, "commit", "-q", "--allow-empty", "-m", "As it is"], cwd=work, check=True)
    subprocess.run(["git", "push", "-q", "origin", "HEAD"], cwd=work, check=True)
    handler = type("_Here", (_Site,), {"repositories": tmp_path / "git"})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    # The engine accepts templates only over HTTPS.
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    server.socket = tls.wrap_socket(server.socket, server_side=True)
    known = Path(os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile or certifi.where())
    (tmp_path / "authorities.pem").write_bytes(known.read_bytes() + b"\n" + authority.cert_pem.bytes())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_project_of_ones_own_from_the_template(site: str, tmp_path: Path) -> None:
    folder, state, home = tmp_path / "mine", tmp_path / "state", tmp_path / "home"
    for path in (folder, state, home):
        path.mkdir()
    # As on a user's machine: the installation needs its variables, such as that of the package index.
    env = {
        **os.environ,
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_CONFIG_PASSPHRASE": "a passphrase of one's own",
        "PULUMI_HOME": str(home),
        "SSL_CERT_FILE": str(tmp_path / "authorities.pem"),
        "GIT_SSL_CAINFO": str(tmp_path / "authorities.pem"),
        "PULUMI_PLUGIN_DOWNLOAD_URL_OVERRIDES": f".*={site}",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "false",
    }
    cli = PulumiCli(tmp_path / "other", env)
    cli.folder = folder
    said = cli.run(
        "new", f"{site}/someone/prediction-nodes.git", "--yes", "--name", "my-nodes", "--config", "gcp:project=mine-123"
    )
    assert "Your new project is ready to go!" in said
    assert "make demo" in said

    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    assert project["name"] == "my-nodes"
    assert "template" not in project
    # The stack's settings have the answers and the defaults; empty answers are not set.
    settings = yaml.safe_load((folder / "Pulumi.dev.yaml").read_text())
    assert settings["config"] == {
        "aws:region": "us-east-1",
        "azure-native:location": "eastus",
        "gcp:project": "mine-123",
    }
    # The copy is complete: its nodes are valid, and the program starts with the installed packages.
    assert len(load(folder / "nodes.yaml").nodes) == 3
    assert {path.name for path in (folder / ".github" / "workflows").iterdir()} >= {"preview.yml", "deploy.yml"}
    assert (folder / ".ci" / "run").stat().st_mode & 0o100
    assert cli.run("stack", "ls").count("dev") == 1
    done = subprocess.run(
        [str(folder / ".venv" / "bin" / "python"), "-m", "pnodes", "validate"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_template_asks_for_what_the_program_reads_and_says_what_each_is() -> None:
    asked = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["template"]["config"]
    assert not [one for one in asked.values() if not one["description"]]
    assert {name for name, one in asked.items() if one.get("secret")} == {"numerai-public-id", "numerai-secret"}
    sandbox = yaml.safe_load((ROOT / "Pulumi.sandbox.yaml").read_text())["config"]
    # In a project with another name, they are still the program's settings.
    assert not [name for name in sandbox if name.startswith("prediction-nodes:")]
    # The program's own settings have defaults for real clouds.
    clouds = {name for name in sandbox if ":" in name}
    assert {name for name in asked if ":" in name} == clouds - {"azure-native:tenantId"}
