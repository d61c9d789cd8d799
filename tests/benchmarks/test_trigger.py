"""The cold-start benchmark: its stand-in answers every call of a trigger, and runtimes are driven as their clouds do.

The runtimes' packages have an environment of their own (`make bench ONLY=trigger`), which CI does not install. So
awslambdaric and Microsoft's worker also have small substitutes here.
"""

from __future__ import annotations

import http.client
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import azure_worker, runtimes
from benchmarks.runtimes import Cost, Failed, Function, FunctionsFramework, Lambda, Runtime
from benchmarks.stand_in import StandIn, open_stand_in
from benchmarks.trigger import ROW, Host, find_median, list_hosts, unpack, write_call
from pnodes.engine.paths import ROOT

PYTHON = Path(sys.executable)
INSTALLED = runtimes.PYTHON
AWSLAMBDARIC = """\
import importlib, json, os, sys, urllib.request

module, name = sys.argv[1].split(".")
sys.path.insert(0, os.getcwd())
function = getattr(importlib.import_module(module), name)
api = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime/invocation"
while True:
    with urllib.request.urlopen(f"{api}/next") as event:
        id_, answer = event.headers["Lambda-Runtime-Aws-Request-Id"], function(json.load(event), None)
    urllib.request.urlopen(f"{api}/{id_}/response", json.dumps(answer).encode()).close()
"""


class SandboxedAzure(FunctionsFramework):
    """The sandbox's host for Azure's functions, which serves HTTP like functions-framework."""

    def _write_command(self) -> list[str]:
        host = ROOT / "sandbox" / "azure" / "host.py"
        return [str(PYTHON), "-P", str(host), str(self._function.folder), str(self._port)]


@pytest.fixture
def stand_in(tmp_path: Path) -> Iterator[StandIn]:
    with open_stand_in(tmp_path / "stand-in", ROW) as opened:
        yield opened


@pytest.fixture
def hosts(stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Host]:
    """The clouds' hosts, with what can run in the tests' own environment."""
    monkeypatch.setattr(runtimes, "PYTHON", PYTHON)
    monkeypatch.setattr(azure_worker, "DESCRIPTORS", Path(__file__))  # any file that exists
    (tmp_path / "awslambdaric.py").write_text(AWSLAMBDARIC)
    clouds = list_hosts(stand_in)
    aws = {**clouds["aws"].environ, "PYTHONPATH": str(tmp_path)}
    return {
        **clouds,
        "aws": replace(clouds["aws"], environ=aws),
        "azure": replace(clouds["azure"], runtime=SandboxedAzure),
    }


def start_and_call_once(runtime: Runtime) -> tuple[Cost, Cost]:
    with runtime:
        return runtime.measure(write_call(), 202), runtime.measure(write_call(), 202)


@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_the_stand_in_answers_every_call_of_a_trigger(
    cloud: str, hosts: dict[str, Host], stand_in: StandIn, tmp_path: Path
) -> None:
    host = hosts[cloud]
    function = unpack(tmp_path / cloud, host.archive.files(), host)
    cold, warm = start_and_call_once(host.runtime(function))
    assert stand_in.unexpected == []
    assert warm.seconds < cold.seconds
    assert 0 < warm.cpu < cold.cpu


@pytest.mark.skipif(not INSTALLED.exists(), reason="`make bench ONLY=trigger` installs the runtimes")
@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_the_real_runtimes_run_the_triggers(cloud: str, stand_in: StandIn, tmp_path: Path) -> None:
    host = list_hosts(stand_in).get(cloud)
    if host is None:
        pytest.skip("Microsoft's worker is not installed")
    function = unpack(tmp_path / cloud, host.archive.files(), host)
    start_and_call_once(host.runtime(function))
    assert stand_in.unexpected == []


def test_calls_without_an_answer_are_noted(stand_in: StandIn) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", stand_in.port)
    connection.request("GET", "/elsewhere?query")
    assert connection.getresponse().status == 404
    connection.close()
    assert stand_in.unexpected == ["GET 127.0.0.1/elsewhere?query"]


def test_another_status_is_an_error_that_shows_the_log(hosts: dict[str, Host], tmp_path: Path) -> None:
    text = "def handler(event, context):\n    print('why', flush=True)\n    return {'statusCode': 500}\n"
    function = unpack(tmp_path / "function", {"index.py": text}, hosts["aws"])
    with Lambda(function) as runtime, pytest.raises(Failed, match=r"status 500:\nwhy"):
        runtime.measure(write_call(), 202)


def test_a_runtime_that_does_not_answer_is_an_error(
    hosts: dict[str, Host], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "SECONDS", 1)
    function = unpack(tmp_path / "function", {}, hosts["aws"])
    with Lambda(function) as runtime, pytest.raises(Failed, match="No module named 'index'"):
        runtime.measure(write_call(), 202)


def test_the_processor_time_of_a_process_is_its_own_clock() -> None:
    # In a process without children, such as the one from which tests/forking forks programs.
    script = """if True:
        import os, time
        from benchmarks.runtimes import read_cpu
        before = time.process_time()
        measured = read_cpu(os.getpid())
        assert before <= measured <= time.process_time() + 0.1, measured
    """
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)


def test_the_median_of_costs() -> None:
    costs = [Cost(1.0, 0.3), Cost(3.0, 0.1), Cost(2.0, 0.2)]
    assert find_median(costs) == Cost(2.0, 0.2)


def test_without_the_worker_azure_is_left_out(
    stand_in: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(azure_worker, "DESCRIPTORS", tmp_path / "missing")
    assert set(list_hosts(stand_in)) == {"aws", "gcp"}


def test_a_function_has_no_bytecode(tmp_path: Path, hosts: dict[str, Host]) -> None:
    function = Function(tmp_path / "function", "index.handler", hosts["aws"].environ)
    unpack(
        function.folder,
        {
            "index.py": "import other\n\n\ndef handler(event, context):\n    return {'statusCode': 202}\n",
            "other.py": "",
        },
        hosts["aws"],
    )
    start_and_call_once(Lambda(function))
    assert sorted(path.name for path in function.folder.iterdir()) == ["index.py", "other.py"]
