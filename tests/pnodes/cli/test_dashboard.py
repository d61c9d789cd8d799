"""`pnodes dashboard` at the shell: its file and its output, neither of which contains a secret."""

from __future__ import annotations

import re
import threading
import webbrowser
from pathlib import Path

import pytest

from pnodes.dashboard.serve import Serving, listen
from pnodes.deployed.scores import ScoreBook
from pnodes.pulumi import Pulumi
from tests.pnodes.deployed_stack import Deployed
from tests.pnodes_command import Pnodes


@pytest.fixture(autouse=True)
def _rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pulumi, "selected_stack", lambda _self: "live")
    monkeypatch.setattr(ScoreBook, "refresh", lambda _self, _stack, _nodes: {})


def test_a_report_holds_every_node_and_the_last_logs(pnodes: Pnodes, deployed: Deployed, tmp_path: Path) -> None:
    deployed.nodes["alpha"].lines = ["the token is SECRETSECRET, the key numerai-key-value"]
    deployed.outputs["webhooks"]["alpha"] = "https://alpha.example/pred/m-alpha?token=SECRETSECRET"
    result = pnodes("dashboard", "--export", str(tmp_path / "report.html"), "--runs", "1")
    assert result.exit_code == 0, result.output
    assert re.search(r"report.html: \d+ KiB, a single file.", result.stdout)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not [name for name in ("alpha", "beta", "gamma") if f'<h2 tabindex="-1">{name}</h2>' not in text]
    assert text.count('<pre class="lines"') == 3
    assert "the token is ***" in text
    assert "<h1>prediction-nodes/live</h1>" in text
    assert "SECRET" not in text
    assert list(tmp_path.iterdir()) == [tmp_path / "report.html"]


def test_a_cloud_that_cannot_be_asked_is_told_and_the_others_are_written(
    pnodes: Pnodes, deployed: Deployed, tmp_path: Path
) -> None:
    deployed.nodes["beta"].broken = "Google Cloud gives no token."
    result = pnodes("dashboard", "--export", str(tmp_path / "report.html"))
    assert result.exit_code == 1, result.output
    assert result.stderr == "beta: Google Cloud gives no token.\n"
    assert "Google Cloud gives no token." in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_mistakes_are_sentences(pnodes: Pnodes, deployed: Deployed, tmp_path: Path) -> None:
    folder = pnodes("dashboard", "--export", str(tmp_path))
    assert folder.exit_code == 2, folder.output
    assert "expected a file in an existing folder" in folder.stderr
    nowhere = pnodes("dashboard", "--export", str(tmp_path / "no" / "report.html"))
    assert nowhere.exit_code == 2, nowhere.output
    assert "in an existing folder" in nowhere.stderr
    with listen(0) as taken:
        taken.listen()
        result = pnodes("dashboard", "--no-browser", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 2, result.output
    assert "Omit --port to use a free one." in result.stderr


def test_the_browser_is_sent_where_only_the_first_gets_in(
    pnodes: Pnodes, deployed: Deployed, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    told = threading.Event()
    monkeypatch.setenv("DISPLAY", ":0")

    def seen(address: str) -> None:
        opened.append(address)
        told.set()

    monkeypatch.setattr(webbrowser, "open", seen)
    servings: list[Serving] = []
    begin = Serving.startup

    async def startup(self: Serving, sockets: object = None) -> None:
        await begin(self, sockets)  # type: ignore[arg-type]
        servings.append(self)
        self.should_exit = True

    monkeypatch.setattr(Serving, "startup", startup)
    result = pnodes("dashboard")
    assert result.exit_code == 0, result.output
    (serving,) = servings
    assert told.wait(30)
    assert opened == [serving.one_time_address]
    assert serving.address in result.stdout
    assert serving.one_time_address not in result.stdout
    opened.clear()
    done = pnodes("dashboard", "--no-browser")
    assert done.exit_code == 0, done.output
    for variable in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    done = pnodes("dashboard")
    assert done.exit_code == 0, done.output
    assert opened == []


def test_a_stack_without_nodes_has_a_page(pnodes: Pnodes, deployed: Deployed, tmp_path: Path) -> None:
    deployed.outputs = {}
    result = pnodes("dashboard", "--export", str(tmp_path / "report.html"))
    assert result.exit_code == 0, result.output
    assert "This stack has no nodes yet." in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_an_export_asks_each_trigger_once(pnodes: Pnodes, deployed: Deployed, tmp_path: Path) -> None:
    for name in deployed.outputs["nodes"]:
        deployed.outputs["nodes"][name]["cloud"] = "aws"
        deployed.outputs["webhooks"][name] = f"https://here.example/pred/m-{name}?token=SECRET"
    result = pnodes("dashboard", "--export", str(tmp_path / "report.html"))
    assert result.exit_code == 0, result.output
    (question,) = deployed.questions
    assert [model for model, _ in question["nodes"]] == ["m-alpha", "m-beta", "m-gamma"]
