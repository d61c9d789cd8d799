"""The commands `pnodes sandbox ...` and `pnodes engine`."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import Result

from pnodes import pulumi
from pnodes.engine import EngineError
from pnodes.engine.locate import Engine
from pnodes.engine.version import MINIMUM
from pnodes.errors import UserError
from sandbox.cli import process as sandbox_process
from sandbox.cli.control import Control, RunRecord, Trigger

Pnodes = Callable[..., Result]
Use = Callable[[str], None]
ENGINE = Engine(Path("/engine/bin/pulumi"), MINIMUM, "built")
RUN = RunRecord("aws", "alpha", "run", "RUNNING", "", "", 1.0, 2.0, None)


@pytest.fixture
def running(home: Path, daemon_code: Use, monkeypatch: pytest.MonkeyPatch) -> sandbox_process.Daemon:
    """Start a sandbox, and provide an engine."""
    monkeypatch.setattr(pulumi, "find", lambda: ENGINE)
    return sandbox_process.start(home)


@pytest.mark.parametrize("command", [["env"], ["open-round"], ["retry"], ["logs", "r"]])
def test_without_a_sandbox_the_error_shows_how_to_start_one(pnodes: Pnodes, home: Path, command: list[str]) -> None:
    result = pnodes("sandbox", *command)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert result.stderr == f"error: No sandbox is running in {home}. Start one with `pnodes sandbox start`.\n"


def test_status_and_stop_without_a_sandbox(pnodes: Pnodes, home: Path) -> None:
    result = pnodes("sandbox", "status")
    assert result.exit_code == 1, result.output
    result = pnodes("sandbox", "stop")
    assert result.exit_code == 0, result.output
    assert json.loads(pnodes("sandbox", "status", "--json").stdout) == {"running": False, "home": str(home)}


def test_stop_names_the_jobs_that_it_ends(
    pnodes: Pnodes, running: sandbox_process.Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [replace(RUN, run_id="one", state="SUCCEEDED"), replace(RUN, run_id="two", job="arn:aws:batch:x/alpha")]
    monkeypatch.setattr(Control, "list_runs", lambda _self: runs)
    result = pnodes("sandbox", "stop")
    assert result.exit_code == 0, result.output
    ending, stopped = result.stdout.splitlines()
    assert ending == "Ending the running job alpha (aws, two)."
    assert stopped.startswith("The sandbox has stopped.")


def test_stop_works_if_the_sandbox_does_not_answer(
    pnodes: Pnodes, running: sandbox_process.Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_self: Control) -> list[RunRecord]:
        raise UserError("no answer")

    monkeypatch.setattr(Control, "list_runs", fail)
    assert pnodes("sandbox", "stop").stdout == "The sandbox has stopped. Its state is kept.\n"


def test_env_prints_lines_for_eval(pnodes: Pnodes, running: sandbox_process.Daemon) -> None:
    lines = pnodes("sandbox", "env").stdout.splitlines()
    assert not [line for line in lines if not line.startswith(("export ", "unset "))]
    assert f"export PULUMI_BACKEND_URL=file://{running.home}/state" in lines
    assert (running.home / "state").is_dir()
    variables = json.loads(pnodes("sandbox", "env", "--json").stdout)
    assert variables["NUMERAI_SECRET_KEY"] == "it's secret"


def test_env_without_an_engine(
    pnodes: Pnodes, running: sandbox_process.Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulumi, "find", lambda: None)
    result = pnodes("sandbox", "env")
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    assert "Install one with `pnodes engine`" in result.stderr


def test_a_tournament_that_does_not_exist(pnodes: Pnodes, home: Path) -> None:
    result = pnodes("sandbox", "open-round", "--tournament", "clasic")
    assert result.exit_code == 2, result.output
    assert result.stderr == "error: --tournament: expected classic, signals or crypto, got 'clasic'.\n"


@pytest.mark.parametrize(("status", "code"), [(202, 0), (403, 1)])
def test_open_round_ends_with_1_when_a_webhook_refuses(
    pnodes: Pnodes, running: sandbox_process.Daemon, monkeypatch: pytest.MonkeyPatch, status: int, code: int
) -> None:
    calls = [Trigger("m", "t", status, 0.1, '{"job": "[x]"}')]
    monkeypatch.setattr(Control, "open_round", lambda self, tournament, open_for: (7, calls))
    result = pnodes("sandbox", "open-round")
    assert result.exit_code == code, result.output
    assert '{"job": "[x]"}' in result.stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--open-for", "soon"], "--open-for: expected a duration"),
        (["--every", "10"], "--every: expected a duration"),
        (["--every", "0m"], "--every: expected a duration"),
    ],
)
def test_an_invalid_duration(pnodes: Pnodes, home: Path, arguments: list[str], sentence: str) -> None:
    result = pnodes("sandbox", "open-round", *arguments)
    assert result.exit_code == 2, result.output
    assert sentence in " ".join(result.stderr.split())


class Numerai:
    """The control API's calls for rounds; records their arguments."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, calls: list[Trigger]) -> None:
        self.rounds: list[object] = []
        self.clocks: list[object] = []

        def open_round(_: Control, tournament: str | None, open_for: float | None) -> tuple[int, list[Trigger]]:
            self.rounds.append((tournament, open_for))
            return 7, calls

        def set_clock(_: Control, every: float | None, tournament: str | None, open_for: float | None) -> str | None:
            self.clocks.append((every, tournament, open_for))
            return "2026-03-01T12:10:00+00:00" if every else None

        monkeypatch.setattr(Control, "open_round", open_round)
        monkeypatch.setattr(Control, "set_clock", set_clock)
        monkeypatch.setattr(Control, "retry_webhooks", lambda _: calls)


def test_rounds_by_a_clock(pnodes: Pnodes, running: sandbox_process.Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    numerai = Numerai(monkeypatch, [])
    result = pnodes("sandbox", "open-round", "--every", "10m", "--tournament", "signals")
    assert result.exit_code == 0, result.output
    assert "every 10m" in result.stdout
    result = pnodes("sandbox", "open-round", "--open-for", "5m", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(pnodes("sandbox", "open-round", "--every", "2h", "--json").stdout)["next"].startswith("2026")
    assert (numerai.clocks, numerai.rounds) == (
        [(600, "signals", None), (7200, None, None)],
        [("signals", 600), (None, 300), (None, 3600)],
    )
    result = pnodes("sandbox", "open-round", "--every", "off")
    assert result.exit_code == 0, result.output
    assert result.stdout == "No further rounds will open automatically.\n"
    assert numerai.clocks[-1] == (None, None, None)
    assert len(numerai.rounds) == 3


@pytest.mark.parametrize(("status", "code"), [(202, 0), (500, 1)])
def test_webhooks_are_called_again(
    pnodes: Pnodes, running: sandbox_process.Daemon, monkeypatch: pytest.MonkeyPatch, status: int, code: int
) -> None:
    Numerai(monkeypatch, [Trigger("m", "t", status, 0.1, "[x]")])
    result = pnodes("sandbox", "retry")
    assert result.exit_code == code, result.output
    assert "Webhooks called again: 1." in result.stdout
    assert json.loads(pnodes("sandbox", "retry", "--json").stdout)["triggers"][0]["status"] == status
    Numerai(monkeypatch, [])
    assert "No failed webhook call is left to repeat." in pnodes("sandbox", "retry").stdout


def test_logs_of_a_run_by_the_beginning_of_its_id(
    pnodes: Pnodes, running: sandbox_process.Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [RunRecord("aws", "j", name, "FAILED", "", "t", 1.0, 2.0, 3.0) for name in ("abc-1", "abd-2")]
    monkeypatch.setattr(Control, "list_runs", lambda self: runs)
    monkeypatch.setattr(Control, "read_log", lambda self, run_id: f"first\nlog of {run_id}\n")
    assert pnodes("sandbox", "logs", "abd", "-n", "1").stdout == "log of abd-2\n"
    assert "More than one run has an id that begins with 'ab'" in pnodes("sandbox", "logs", "ab").stderr
    assert "No run has an id that begins with 'x'" in pnodes("sandbox", "logs", "x").stderr


def test_the_daemons_own_log(pnodes: Pnodes, running: sandbox_process.Daemon) -> None:
    assert pnodes("sandbox", "logs").stdout == "the daemon speaks\n"


def test_engine_prints_the_path_and_version(pnodes: Pnodes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pnodes.cli.engine.ensure", lambda say: ENGINE)
    assert pnodes("engine").stdout == f"/engine/bin/pulumi  Pulumi {MINIMUM}, built from the pinned Go module\n"


def test_an_engine_that_cannot_be_installed_is_an_error(pnodes: Pnodes, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(say: Callable[[str], None]) -> Engine:
        raise EngineError("There is no Pulumi engine. Install [one].")

    monkeypatch.setattr("pnodes.cli.engine.ensure", none)
    result = pnodes("engine")
    assert result.exit_code == 1, result.output
    assert result.stderr == "error: There is no Pulumi engine. Install [one].\n"
