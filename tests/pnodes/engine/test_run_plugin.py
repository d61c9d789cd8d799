"""A plugin in Python: its interpreter, its output, its exit code, and its end."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pnodes.engine import run_plugin
from pnodes.engine.program_python import NoInterpreter

Executable = Callable[[Path, str], Path]


def test_the_environment_of_the_plugins_own_folder(tmp_path: Path, executable: Executable) -> None:
    named = executable(tmp_path / ".venv" / "bin" / "python", "exit 0")
    assert run_plugin.interpreter(str(tmp_path), {"virtualenv": ".venv"}, "analyzer") == named
    default = executable(tmp_path / "venv" / "bin" / "python", "exit 0")
    assert run_plugin.interpreter(str(tmp_path), {}, "analyzer") == default


def test_a_missing_environment_is_reported_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(NoInterpreter, match=r"PulumiPolicy\.yaml needs the virtual environment .*`make policies`"):
        run_plugin.interpreter(str(tmp_path), {"virtualenv": ".venv"}, "analyzer")


def test_the_plugin_s_python_comes_first_and_the_engine_s_variables_apply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/somewhere")
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    variables = run_plugin.environment(["ONE=1=2", "PATH=/of/the/engine"], tmp_path / "bin" / "python")
    assert (variables["ONE"], variables["VIRTUAL_ENV"]) == ("1=2", str(tmp_path))
    assert variables["PATH"] == f"{tmp_path}/bin:/of/the/engine"
    assert "PYTHONHOME" not in variables


def test_both_streams_and_the_exit_code() -> None:
    program = "import sys; print('out', flush=True); print('err', file=sys.stderr); sys.exit(7)"
    *printed, code = run_plugin.run([sys.executable, "-c", program], "", {}, lambda _: True)
    assert sorted(printed) == [("stderr", b"err\n"), ("stdout", b"out\n")]
    assert code == 7


def test_the_plugin_is_stopped_on_request() -> None:
    ends: list[Callable[[], None]] = []
    running = run_plugin.run(
        [sys.executable, "-c", "import time; print('there', flush=True); time.sleep(600)"], "", {}, ends.append
    )
    assert next(running) == ("stdout", b"there\n")
    ends[0]()
    assert list(running) == [-15]
