"""The language host with the real engine: commands, the Automation API, and a program's errors."""

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from pnodes import engine
from pnodes.engine.paths import VENV
from tests.waiting import wait_until

PROJECT = f"""\
name: tiny
runtime:
  name: python
  options:
    virtualenv: {VENV}
"""
# The compiled program is searched for the secret, so the compiler must not be able to join its two halves.
PROGRAM = """\
import os
import sys

import pulumi
from pulumi.dynamic import CreateResult, Resource, ResourceProvider, UpdateResult

from beside import Group


class Provider(ResourceProvider):
    def create(self, props):
        return CreateResult("one", {"size": props["size"], "key": props["key"]})

    def update(self, id, old, new):
        return UpdateResult({"size": new["size"], "key": new["key"]})


class Thing(Resource):
    size: pulumi.Output[int]

    def __init__(self, name, size, key, opts):
        super().__init__(Provider(), name, {"size": size, "key": key}, opts)


def fails():
    raise ValueError("broken in the program")


mode = pulumi.Config().get("mode")
if mode == "exit":
    print("nodes.yaml:3:1: what is wrong")
    sys.exit(2)
if mode == "run-error":
    raise pulumi.RunError("one clear sentence")
if mode == "raise":
    fails()
if mode == "stdin":
    print("stdin holds", repr(sys.stdin.read()))

key = pulumi.Config().require_secret("key")
thing = Thing("thing", pulumi.Config().require_int("size"), key, pulumi.ResourceOptions(parent=Group("group")))
pulumi.export("size", thing.size)
pulumi.export("key", key)
pulumi.export("folder", os.getcwd())
pulumi.export("secrets in the environment", any("".join(["hunter", "2"]) in value for value in os.environ.values()))
"""
BESIDE = """\
import pulumi


class Group(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("tiny:index:Group", name)
"""
# A policy pack without its library: an analyzer with Pulumi's own stubs.
PACK = """\
import pathlib
import threading
from concurrent import futures

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import analyzer_pb2, analyzer_pb2_grpc, plugin_pb2


class Analyzer(analyzer_pb2_grpc.AnalyzerServicer):
    def GetAnalyzerInfo(self, request, context):
        return analyzer_pb2.AnalyzerInfo(name="no-groups", policies=[analyzer_pb2.PolicyInfo(name="no-groups")])

    def GetPluginInfo(self, request, context):
        return plugin_pb2.PluginInfo(version="1.0.0")

    def ConfigureStack(self, request, context):
        return analyzer_pb2.AnalyzerStackConfigureResponse()

    def Analyze(self, request, context):
        found = [] if "Group" not in request.type else [
            analyzer_pb2.AnalyzeDiagnostic(
                policyName="no-groups", policyPackName="no-groups", message="a group", enforcementLevel="MANDATORY"
            )
        ]
        return analyzer_pb2.AnalyzeResponse(diagnostics=found)

    def AnalyzeStack(self, request, context):
        return analyzer_pb2.AnalyzeResponse()

    def Remediate(self, request, context):
        return analyzer_pb2.RemediateResponse()


server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
analyzer_pb2_grpc.add_AnalyzerServicer_to_server(Analyzer(), server)
port = server.add_insecure_port("127.0.0.1:0")
server.start()
pathlib.Path(__file__).with_name("port").write_text(str(port))
print(port, flush=True)
threading.Event().wait()
"""
AUTOMATION = """\
import sys
from pulumi import automation

stack = automation.select_stack("dev", work_dir=sys.argv[1])
print(stack.up().summary.resource_changes)
print(stack.outputs()["size"].value)
inline = automation.create_stack("inline", project_name="inline", program=lambda: None)
print(inline.up().summary.result)
"""

Pulumi = Callable[..., subprocess.CompletedProcess[str]]
pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def own_engine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with this machine's engine and, next to it, this project's language host."""
    installed = engine.ensure(print)
    root = tmp_path_factory.mktemp("checkout")
    (root / ".venv").symlink_to(VENV)
    folder = root / ".tools" / "pulumi" / "bin"
    folder.mkdir(parents=True)
    engine_file = installed.path.resolve()
    try:
        os.link(engine_file, folder / "pulumi")
    except OSError:
        shutil.copy2(engine_file, folder / "pulumi")
    from pnodes.engine import shims

    shims.write(folder)
    return folder


def make_environment(own_engine: Path, folder: Path) -> dict[str, str]:
    """Return an environment with the engine on PATH and the state in the folder."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    return inherited | {
        "PATH": f"{own_engine}{os.pathsep}{os.environ['PATH']}",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
        "PULUMI_CONFIG_PASSPHRASE": "tiny",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
    }


def run_pulumi(
    folder: Path, environment: dict[str, str], *arguments: str, fails: bool = False
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        ["pulumi", *arguments, "--non-interactive"],
        cwd=folder / "program",
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def created(own_engine: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create a stack of a program with a component, a dynamic resource and a secret."""
    folder = tmp_path_factory.mktemp("created")
    (folder / "state").mkdir()
    program = folder / "program"
    program.mkdir()
    (program / "Pulumi.yaml").write_text(PROJECT)
    (program / "__main__.py").write_text(PROGRAM)
    (program / "beside.py").write_text(BESIDE)
    environment = make_environment(own_engine, folder)
    run_pulumi(folder, environment, "stack", "init", "dev")
    run_pulumi(folder, environment, "config", "set", "size", "3")
    run_pulumi(folder, environment, "config", "set", "--secret", "key", "hunter2")
    return folder


@pytest.fixture
def environment(own_engine: Path, tmp_path: Path) -> dict[str, str]:
    """Return an environment with the engine on PATH and a separate state."""
    return make_environment(own_engine, tmp_path)


@pytest.fixture
def program(created: Path, tmp_path: Path) -> Path:
    """Copy the program and its stack's state."""
    for name in ("program", "state"):
        shutil.copytree(created / name, tmp_path / name)
    return tmp_path / "program"


@pytest.fixture
def pulumi(environment: dict[str, str], program: Path) -> Pulumi:
    """Select the stack; returns a function that runs `pulumi` in the program's folder."""

    def run(*arguments: str, fails: bool = False) -> subprocess.CompletedProcess[str]:
        return run_pulumi(program.parent, environment, *arguments, fails=fails)

    run("stack", "select", "dev")
    return run


def test_plain_commands_create_update_and_destroy_a_stack(pulumi: Pulumi, program: Path, tmp_path: Path) -> None:
    assert "+ 3 to create" in pulumi("preview").stdout
    assert "+ 3 created" in pulumi("up", "--yes").stdout
    outputs = json.loads(pulumi("stack", "output", "--json", "--show-secrets").stdout)
    assert outputs == {"size": 3, "key": "hunter2", "folder": str(program), "secrets in the environment": False}
    assert "hunter2" not in pulumi("stack", "output", "--json").stdout

    pulumi("config", "set", "size", "4")
    assert "~ 1 updated" in pulumi("up", "--yes").stdout
    assert "3 unchanged" in pulumi("up", "--yes").stdout
    assert "3 unchanged" in pulumi("refresh", "--yes").stdout
    assert "python" in pulumi("about").stdout
    assert "- 3 deleted" in pulumi("destroy", "--yes").stdout

    written = [path for folder in (tmp_path / "state", program) for path in folder.rglob("*") if path.is_file()]
    assert not [path for path in written if b"hunter2" in path.read_bytes()]


def test_the_automation_api(pulumi: Pulumi, program: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(
        [str(VENV / "bin" / "python"), "-c", AUTOMATION, str(program)],
        env=environment,
        cwd=program,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["{'create': 3}", "3", "succeeded"]


@pytest.mark.parametrize(
    ("mode", "shown", "not_shown"),
    [
        ("exit", ["nodes.yaml:3:1: what is wrong", "Program exited with non-zero exit code: 2"], ["Traceback"]),
        ("run-error", ["error: one clear sentence", "exit code: 1"], ["Traceback"]),
        (
            "raise",
            [
                "Program failed with an unhandled exception:",
                "__main__.py",
                "in fails",
                "ValueError: broken in the program",
            ],
            ["run_program.py", "runpy", "non-zero exit code"],
        ),
    ],
)
def test_errors_look_as_with_the_official_host(
    pulumi: Pulumi, mode: str, shown: list[str], not_shown: list[str]
) -> None:
    pulumi("config", "set", "mode", mode)
    output = pulumi("preview", fails=True).stdout
    assert [text for text in shown if text not in output] == []
    assert [text for text in not_shown if text in output] == []


def test_the_program_cannot_read_the_request(pulumi: Pulumi) -> None:
    pulumi("config", "set", "mode", "stdin")
    assert "stdin holds ''" in pulumi("preview").stdout


def test_a_missing_environment_and_a_missing_program_are_reported(pulumi: Pulumi, program: Path) -> None:
    (program / "__main__.py").unlink()
    assert "There is no Pulumi program at" in pulumi("preview", fails=True).stdout
    (program / "Pulumi.yaml").write_text(PROJECT.replace(str(VENV), "missing"))
    done = pulumi("preview", fails=True)
    assert "names the virtual environment" in done.stdout + done.stderr


def test_a_policy_pack_runs_and_ends(pulumi: Pulumi, tmp_path: Path) -> None:
    pack = tmp_path / "pack"
    pack.mkdir()
    (pack / "PulumiPolicy.yaml").write_text(PROJECT)
    (pack / "__main__.py").write_text(PACK)
    refused = pulumi("preview", "--policy-pack", str(pack), fails=True).stdout
    assert "[mandatory]  no-groups  (tiny:index:Group: group)" in refused
    (pack / "PulumiPolicy.yaml").write_text(PROJECT.replace(str(VENV), "missing"))
    done = pulumi("preview", "--policy-pack", str(pack), fails=True)
    assert "needs the virtual environment" in done.stdout + done.stderr
    # The pack's process ends with the engine's: the port that it wrote to a file no longer answers.
    port = int((pack / "port").read_text())
    wait_until(lambda: not answers(port), "the policy pack outlived its engine", 30)


def answers(port: int) -> bool:
    """Return whether a port of this machine accepts connections."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_host_ends_with_the_engine_that_started_it(own_engine: Path, environment: dict[str, str]) -> None:
    """A shell stands in for the engine: it starts the host in the background, prints its pid and is killed."""
    host = own_engine / "pulumi-language-python"
    with subprocess.Popen(
        ["sh", "-c", f"'{host}' 127.0.0.1:1 & echo $!; wait"], env=environment, stdout=subprocess.PIPE, text=True
    ) as starter:
        assert starter.stdout is not None
        pid, port = int(starter.stdout.readline()), int(starter.stdout.readline())
        assert port > 0
        os.kill(pid, 0)
        starter.send_signal(signal.SIGKILL)
        assert starter.stdout.read() == ""  # returns when the host has closed its end of the pipe
