"""How the Pulumi command is run: its arguments and environment, and how its output is used. The engine is a script."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pnodes import pulumi as pulumi_module
from pnodes.engine import Engine
from pnodes.engine.version import MINIMUM
from pnodes.errors import UserError
from pnodes.pulumi import Pulumi, stack_option

HEAD = f"#!{sys.executable}\nimport json, os, pathlib, signal, sys, time\n"
Engines = Callable[[str], Pulumi]


@pytest.fixture
def engine(tmp_path: Path) -> Engines:
    """Return a function that makes an engine from Python code."""

    def make(code: str) -> Pulumi:
        program = tmp_path / "bin" / "pulumi"
        program.parent.mkdir(exist_ok=True)
        program.write_text(HEAD + code)
        program.chmod(0o755)
        (tmp_path / "project").mkdir(exist_ok=True)
        return Pulumi(Engine(program, MINIMUM, "PATH"), tmp_path / "project", {"PATH": "/usr/bin:/bin", "MINE": "1"})

    return make


def test_a_command_asks_nothing_and_gets_the_folder_the_environment_and_the_engine_on_path(engine: Engines) -> None:
    pulumi = engine('print(json.dumps([sys.argv[1:], os.getcwd(), os.environ["MINE"], os.environ["PATH"]]))')
    arguments, folder, mine, path = pulumi.read_json("config", "--json", *stack_option("live"))
    assert arguments == ["config", "--json", "--stack", "live", "--non-interactive"]
    assert (Path(folder), mine) == (pulumi.folder, "1")
    assert path == f"{pulumi.engine.bin}:/usr/bin:/bin"


def test_a_secret_goes_in_on_standard_input_and_into_no_message(engine: Engines) -> None:
    pulumi = engine(
        "word = sys.stdin.read(); print(len(word)); sys.exit('error: not ' + word if 'HUSH' in word else 0)"
    )
    assert pulumi.read("config", "set", "--secret", "key", value="four") == "4\n"
    assert pulumi.read("config", "set", "--secret", "key") == "0\n", "without a value the input is empty"
    with pytest.raises(UserError) as caught:
        pulumi.read("config", "set", "--secret", "key", value="HUSH")
    assert str(caught.value) == "`pulumi config set` failed: not ***"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("error: no stack selected; please use `pulumi stack select`", "No stack is selected"),
        ("error: no stack selected; please use `pulumi stack select`", "Run `pulumi stack select NAME`."),
        ("error: no stack named 'x' found", 'There is no stack "x"; `pulumi stack ls` lists the stacks.'),
        (
            "error: getting secrets: passphrase must be set with PULUMI_CONFIG_PASSPHRASE",
            "The stack's secrets cannot be decrypted without its passphrase",
        ),
        ("error: incorrect passphrase, please set", "The passphrase in the environment is not this stack's."),
        ("error: PULUMI_ACCESS_TOKEN must be set for login during non-interactive CLI sessions", "`pulumi login`"),
        ("warning: x\nerror: something else", "`pulumi stack output` failed: something else"),
        ("", "`pulumi stack output` failed: Pulumi gives no reason"),
    ],
)
def test_the_engine_s_errors_are_sentences(engine: Engines, said: str, sentence: str) -> None:
    pulumi = engine(f"print({said!r}, file=sys.stderr); sys.exit(255)")
    with pytest.raises(UserError) as caught:
        pulumi.read_json("stack", "output", "--json", "--show-secrets")
    assert sentence in str(caught.value)


def test_a_preview_that_fails_is_its_diagnostics(engine: Engines) -> None:
    messages = [{"severity": "warning", "message": "never mind"}, {"severity": "error", "message": "no such image\n"}]
    pulumi = engine(f"print(json.dumps({{'steps': [], 'diagnostics': {messages}}})); sys.exit(255)")
    with pytest.raises(UserError) as caught:
        pulumi.preview("live")
    assert str(caught.value) == "the preview failed, so nothing was changed:\nno such image"


def test_a_preview_that_does_not_begin_is_what_the_engine_says(engine: Engines) -> None:
    with pytest.raises(UserError, match="`pulumi preview` failed: on fire"):
        engine("print('error: on fire', file=sys.stderr); sys.exit(255)").preview()


def test_the_selected_stack(engine: Engines) -> None:
    assert engine("print('live')").selected_stack() == "live"
    assert engine("sys.exit(6)").selected_stack() is None


def test_what_is_logged_is_scrubbed_line_by_line_and_has_its_events(
    engine: Engines, capsys: pytest.CaptureFixture[str]
) -> None:
    pulumi = engine(
        "place = sys.argv[sys.argv.index('--event-log') + 1]\n"
        "assert os.environ['PULUMI_DEBUG_COMMANDS'] == 'true'\n"
        "pathlib.Path(place).write_text('{}\\n{}\\n')\n"
        "print('a SECRET'); print('the stack is currently locked by 1 lock'); sys.exit(255)"
    )
    done = pulumi.log("up", "--yes", scrub=lambda line: line.replace("SECRET", "***"))
    assert capsys.readouterr().out == "a ***\nthe stack is currently locked by 1 lock\n"
    assert (done.code, done.text.splitlines()[0], done.events) == (255, "a ***", ("{}", "{}"))
    assert (done.locked, done.changes) == (True, False)
    assert "Another update of the stack was running" in str(done.failure("up"))


@pytest.mark.parametrize(("said", "code"), [("", 7), ("error: no changes were expected but changes occurred", 255)])
def test_changes_that_were_not_expected_are_no_failure(engine: Engines, said: str, code: int) -> None:
    done = engine(f"print({said!r}); sys.exit({code})").log("refresh", scrub=str)
    assert (done.changes, done.locked) == (True, False)


def test_without_an_engine_the_next_step_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pulumi_module, "find", lambda: None)
    with pytest.raises(UserError, match="Install one with `pnodes engine`"):
        Pulumi.find(tmp_path)


def test_a_command_that_is_shown_fails_with_its_exit_code(engine: Engines) -> None:
    pulumi = engine("sys.exit(int('--target' in sys.argv) * 3)")
    pulumi.show("up")
    with pytest.raises(UserError, match="`pulumi up` failed with exit code 3; see its output above"):
        pulumi.show("up", "--target", "x")


def test_providers_that_have_stopped_are_named_before_anything_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulumi_module, "find", lambda: Engine(Path("/bin/pulumi"), MINIMUM, "PATH"))
    with socket.create_server(("127.0.0.1", 0)) as running:
        environ = {"PULUMI_DEBUG_PROVIDERS": f"aws:{running.getsockname()[1]}", "PNODES_WHEN_STOPPED": "Start them."}
        Pulumi.find(Path(), environ)
    with pytest.raises(UserError, match=r"^Start them\.$"):
        Pulumi.find(Path(), environ)
    with pytest.raises(UserError, match=r"The provider aws, .*, is not running"):
        Pulumi.find(Path(), {**environ, "PNODES_WHEN_STOPPED": ""})
