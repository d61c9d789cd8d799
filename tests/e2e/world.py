"""A user's project in its own folder, with a sandbox daemon and the engine attached to it."""

from __future__ import annotations

import json
import shutil
import ssl
import sys
from pathlib import Path
from typing import Any, Protocol

import httpx

from sandbox.azure import entra
from sandbox.network import Network
from tests.e2e.checked_daemon import REQUESTS
from tests.forking.hosts import ForkingHosts, start_daemon
from tests.pulumi_cli import PulumiCli
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
IDS = {
    "classic": "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01",
    "signals": "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02",
    "crypto": "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c03",
}
QUICK_DOCKERFILE = """\
FROM python:3.12-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
CMD ["python", "predict.py"]
"""
# Shows a container's environment without training anything; only names, so that no key gets into a log.
QUICK_PREDICT = """\
import json, os
names = ["TRIGGER_ID", "RUN_ID", "MODEL_ID", "ROUND_NUMBER", "IS_TEST", "NODE_NAME", "TOURNAMENT", "EXTRA"]
seen = {name: os.environ[name] for name in names if name in os.environ}
seen["keys"] = [len(os.environ.get(name, "")) > 8 for name in ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY")]
print(json.dumps(seen))
"""
# Submits Numerai's example predictions without installing anything. FAIL and SLEEP are set in nodes.yaml.
SUBMITTING_PREDICT = """\
import json, os, sys, threading, urllib.request

def ask(query, **variables):
    key = f"Token {os.environ['NUMERAI_PUBLIC_ID']}${os.environ['NUMERAI_SECRET_KEY']}"
    headers = {"Authorization": key, "Content-Type": "application/json"}
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request("https://api-tournament.numer.ai", body, headers)
    answer = json.load(urllib.request.urlopen(request))
    assert "errors" not in answer, answer
    return answer["data"]

print("predicting", os.environ["NODE_NAME"], flush=True)
if os.environ.get("FAIL"):
    sys.exit("the model's own failure")
if os.environ.get("SLEEP"):
    threading.Event().wait()
model, trigger = os.environ["MODEL_ID"], os.environ.get("TRIGGER_ID")
url = ask('{dataset(filename: "v5.3/live_example_preds.csv", tournament: 8)}')["dataset"]
data = urllib.request.urlopen(url).read()
place = ask(
    "query($m: String!) {submission_upload_auth(filename: \\"p.csv\\", tournament: 8, modelId: $m) {filename url}}",
    m=model,
)["submission_upload_auth"]
urllib.request.urlopen(urllib.request.Request(place["url"], data, method="PUT"))
ask(
    "mutation($f: String!, $m: String!, $t: String) {"
    "create_submission(filename: $f, tournament: 8, modelId: $m, triggerId: $t) {id}}",
    f=place["filename"], m=model, t=trigger,
)
print("submitted", flush=True)
"""
PACK = ("--policy-pack", str(ROOT / "policies"))


class World:
    """`project` has the files of a fresh clone; `cli` runs pulumi in it; `control` is the sandbox's control API."""

    def __init__(self, folder: Path, environments: Path, nodes: str, executor: str = "process") -> None:
        self.project, self.home = folder / "project", folder / "sandbox"
        self.project.mkdir(parents=True)
        for name in ("Pulumi.yaml", "__main__.py"):
            shutil.copy(ROOT / name, self.project / name)
        shutil.copy(ROOT / "Pulumi.sandbox.yaml", self.project / "Pulumi.dev.yaml")
        self.use_this_python()
        shutil.copytree(ROOT / "examples", self.project / "examples")
        self.model("quick")
        self.nodes(nodes)
        self._environments, self._executor = environments, executor
        self.start()
        self.hosts = ForkingHosts(self.home / "programs.log")
        self.cli = PulumiCli(self.project, self._environment(), self.hosts)
        self.cli.run("stack", "init", "dev")

    def use_this_python(self) -> None:
        """Run the program in the tests' Python environment."""
        settings = self.project / "Pulumi.yaml"
        settings.write_text(settings.read_text().replace("virtualenv: .venv", f"virtualenv: {sys.prefix}"))

    def start(self) -> None:
        """Start the daemon and wait until it is ready."""
        ready = self.home / "daemon.json"
        self.home.mkdir(parents=True, exist_ok=True)
        arguments = ["--home", str(self.home), "--no-clocks"]
        arguments += ["--cache", str(self._environments), "--executor", self._executor]
        self._process = start_daemon(arguments, ROOT, self.home / "daemon.log")
        wait_until(lambda: ready.exists() or not self._process.is_alive(), self._log)
        assert ready.exists(), self._log()
        self.daemon: dict[str, Any] = json.loads(ready.read_text())
        self.control = httpx.Client(base_url=self.daemon["control"], trust_env=False, timeout=60)

    def stop(self) -> None:
        """Stop the daemon and keep its state. Fails if the program has sent a request that its cloud does not know."""
        self.control.close()
        if self._process.is_alive():
            self._process.terminate()
            self._process.join(30)
            problems = json.loads((self.home / REQUESTS).read_text())["problems"]
            assert not problems, "\n".join(problems)

    def _environment(self) -> dict[str, str]:
        network = Network(int(self.daemon["gateway"].rsplit(":", 1)[1]), Path(self.daemon["ca"]))
        plugins = ",".join(f"{package}:{port}" for package, port in self.daemon["plugins"].items())
        return {
            **network.environment("deployer"),
            "PULUMI_DEBUG_PROVIDERS": plugins,
            "AWS_ACCESS_KEY_ID": "AKIASANDBOXDEPLOYER",
            "AWS_SECRET_ACCESS_KEY": "sandbox",
            "AWS_REGION": "us-east-1",
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.home / "google-credentials.json"),
            "AZURE_TENANT_ID": "00000000-0000-0000-0000-000000000002",
            "AZURE_CLIENT_ID": entra.CLIENT_ID,
            "AZURE_CLIENT_SECRET": entra.CLIENT_SECRET,
            "NUMERAI_PUBLIC_ID": self.daemon["numerai"]["public_id"],
            "NUMERAI_SECRET_KEY": self.daemon["numerai"]["secret_key"],
        }

    def reconnect(self) -> None:
        """Give the engine the new ports after `stop` and `start`."""
        self.cli.env.update(self._environment())

    def nodes(self, text: str) -> None:
        """Write nodes.yaml."""
        (self.project / "nodes.yaml").write_text(text)

    def model(self, name: str, predict: str = QUICK_PREDICT, requirements: str = "# nothing\n") -> None:
        """Write a model's folder."""
        folder = self.project / name
        folder.mkdir(exist_ok=True)
        (folder / "Dockerfile").write_text(QUICK_DOCKERFILE)
        (folder / "requirements.txt").write_text(requirements)
        (folder / "predict.py").write_text(predict)

    def client(self) -> httpx.Client:
        """Return an HTTP client with the sandbox's network, like Numerai's."""
        network = Network(int(self.daemon["gateway"].rsplit(":", 1)[1]), Path(self.daemon["ca"]))
        trust = ssl.create_default_context(cafile=self.daemon["ca"])
        return httpx.Client(proxy=network.proxy("numerai"), verify=trust, trust_env=False, timeout=60)

    def call(self, url: str, trigger_id: str, **body: Any) -> httpx.Response:
        """Call a webhook as Numerai does."""
        sent = {"roundNumber": 371, "dataVersion": 1, "triggerId": trigger_id, **body}
        with self.client() as client:
            return client.post(url, json=sent)

    def runs(self) -> list[dict[str, Any]]:
        """Return all runs, oldest first."""
        return list(self.control.get("/runs").json()["runs"])

    def finished(self, count: int, seconds: float = 180) -> list[dict[str, Any]]:
        """Wait until `count` runs have ended; return all runs."""
        wait_until(
            lambda: sum(run["state"] in ("SUCCEEDED", "FAILED") for run in self.runs()) >= count,
            lambda: f"expected {count} ended runs, got {self.runs()}\n{self._log()}",
            seconds,
        )
        return self.runs()

    def _log(self) -> str:
        """Return the daemon's log."""
        return (self.home / "daemon.log").read_text()

    def log(self, run_id: str) -> str:
        """Return a run's output."""
        return self.control.get(f"/runs/{run_id}/logs").text

    def left(self) -> dict[str, int]:
        """Return the number of existing resources by cloud."""
        return dict(self.control.get("/status").json()["resources"])


class MakeWorld(Protocol):
    """Creates a world from the text of a nodes.yaml; the fixture `make_world` stops it after the test."""

    def __call__(self, nodes: str, executor: str = "process") -> World: ...
