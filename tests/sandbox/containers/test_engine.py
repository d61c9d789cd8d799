"""Finding a container engine that passes its trial, and the reasons if none does. Needs no real engine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.containers import trial
from sandbox.containers.engine import EngineFailed, NoEngineError, find

WORKS = """\
case "$1 $2" in
  "--version "*) echo "$NAME version 1" ;;
  "run "*) echo ok ;;
  "context show") echo mine ;;
esac
"""
NO_DAEMON = """\
[ "$1" = version ] && { echo "Cannot connect to the Docker daemon. Is the docker daemon running?" >&2; exit 1; }
exit 0
"""
ASKS_TOO_MUCH = """\
if [ "$1" = run ] && [ -z "$CONTAINERS_CONF" ]; then
  echo "Error: runc: error setting rlimit type 7: operation not permitted" >&2; exit 126
fi
[ "$1" = run ] && echo ok
exit 0
"""
Put = Callable[..., None]


@pytest.fixture
def put(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Put:
    """Return a function that puts a program on an otherwise empty PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.delenv("CONTAINERS_CONF", raising=False)

    def program(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\nNAME={name}\n{script}")
        (folder / name).chmod(0o755)

    return program


def test_without_an_engine(put: Put, tmp_path: Path) -> None:
    with pytest.raises(NoEngineError, match=r"^neither podman nor docker is installed$"):
        find(tmp_path)


def test_a_docker_without_its_daemon_does_not_work(put: Put, tmp_path: Path) -> None:
    put("docker", NO_DAEMON)
    with pytest.raises(NoEngineError, match=r"^docker does not work here \(Cannot connect to the Docker daemon\."):
        find(tmp_path)


def test_a_docker_without_buildx_does_not_work(put: Put, tmp_path: Path) -> None:
    put("docker", '[ "$1" = buildx ] && exit 1\n' + WORKS)
    with pytest.raises(NoEngineError, match="buildx is not installed"):
        find(tmp_path)


def test_an_engine_that_prints_something_else_does_not_work(put: Put, tmp_path: Path) -> None:
    put("podman", "echo no")
    with pytest.raises(NoEngineError, match="`podman run` printed 'no' instead of 'ok'"):
        find(tmp_path)


def test_docker_is_used_if_podman_is_broken(put: Put, tmp_path: Path) -> None:
    put("podman", "echo broken >&2; exit 1")
    put("docker", WORKS)
    engine = find(tmp_path)
    assert engine.name == "docker"
    assert engine.build == ["buildx", "build"]
    assert engine.env["BUILDX_BUILDER"] == "mine"
    assert engine.without_tls == []


def test_podman_under_dockers_name_is_podman(put: Put, tmp_path: Path) -> None:
    put("docker", WORKS.replace("$NAME version 1", "podman version 4"))
    engine = find(tmp_path)
    assert (engine.name, engine.build, engine.without_tls) == ("podman", ["build"], ["--tls-verify=false"])


def test_podmans_own_configuration_is_kept_if_it_works(put: Put, tmp_path: Path) -> None:
    put("podman", WORKS)
    assert find(tmp_path).env == {}


def test_a_podman_that_exceeds_the_limits_gets_a_less_demanding_configuration(put: Put, tmp_path: Path) -> None:
    put("podman", ASKS_TOO_MUCH)
    conf = Path(find(tmp_path).env["CONTAINERS_CONF"])
    assert conf.is_relative_to(tmp_path)
    assert 'cgroup_manager = "cgroupfs"' in conf.read_text()
    assert '"nofile=' in conf.read_text()


def test_the_error_of_a_failed_command_ends_with_the_engines_message(put: Put, tmp_path: Path) -> None:
    put("podman", WORKS + '[ "$1" = pull ] && { echo "Error: manifest unknown" >&2; exit 125; }; exit 0')
    with pytest.raises(EngineFailed, match=r"^podman pull failed: manifest unknown$"):
        find(tmp_path).execute("pull", "x")


@pytest.mark.skipif(sys.platform != "linux" or os.uname().machine != "x86_64", reason="a program for x86-64 Linux")
def test_the_trials_program_prints_its_text(tmp_path: Path) -> None:
    file = tmp_path / "program"
    file.write_bytes(trial.program(b"some text\n"))
    file.chmod(0o755)
    assert subprocess.run([file], capture_output=True, check=True).stdout == b"some text\n"
