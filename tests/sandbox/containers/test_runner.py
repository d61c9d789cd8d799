"""Jobs in real containers: their environment, limits, outcomes and cleanup."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.containers.engine import ContainerEngine
from sandbox.containers.runner import ContainerRunner
from sandbox.executor import Executor, RunSpec
from sandbox.network import Network
from tests.sandbox.containers.world import World
from tests.waiting import wait_until

pytestmark = pytest.mark.containers
SEEN = """\
import json, os, pathlib
def read(*paths):
    return next((text for p in paths if pathlib.Path(p).exists() for text in [pathlib.Path(p).read_text().strip()]), "")
group = "/sys/fs/cgroup/"
print(json.dumps({
    "env": dict(os.environ),
    "release": read("/etc/os-release"),
    "memory": read(group + "memory/memory.limit_in_bytes", group + "memory.max"),
    "cpu": read(group + "cpu/cpu.cfs_quota_us", group + "cpu.max"),
    "host": os.path.exists(os.environ["HOST_FILE"]),
    "here": os.getcwd(),
    "ca": read(os.environ["SSL_CERT_FILE"]),
}))
"""
HOG = "import time; kept = bytearray(300 * 2**20); kept[::4096] = b'x' * len(kept[::4096]); time.sleep(600)"
SLEEPER = "import time; print('asleep', flush=True); time.sleep(600)"


def containers(world: World) -> list[str]:
    """List this sandbox's containers in the engine, ended or not."""
    return world.engine.execute(
        "ps", "--all", "--quiet", f"--filter=label=prediction-nodes.sandbox={world.home}"
    ).split()


def test_a_job_sees_its_image_its_environment_and_its_limits_and_nothing_of_this_machine(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THIS_MACHINE", "1")
    env = {
        "HOST_FILE": str(Path(__file__)),
        "QUOTES": """a 'b' "c" $d #e \\f = """,
        "LINES": "one\ntwo=2\n",
        "EMPTY": "",
        "TRIGGER_ID": "t-1",
    }
    run, text = world.python(SEEN, env=env, cpu=0.5, memory_mib=128)
    assert (run.state, run.exit_code, run.reason) == ("SUCCEEDED", 0, ""), text
    printed = json.loads(text)
    assert {name: printed["env"].get(name) for name in env} == env
    assert "OF_THIS_MACHINE" not in printed["env"]
    assert (printed["host"], printed["here"]) == (False, "/app")
    assert int(printed["memory"]) == 128 * 2**20
    assert printed["cpu"] in ("50000", "50000 100000")
    assert "ID=debian" in printed["release"]
    assert printed["ca"] == "the sandbox's authority"
    assert printed["env"]["HTTPS_PROXY"] == f"http://job%2F{run.run_id}:sandbox@127.0.0.1:9"
    assert printed["env"]["CURL_CA_BUNDLE"] == printed["env"]["REQUESTS_CA_BUNDLE"] == printed["env"]["SSL_CERT_FILE"]
    assert containers(world) == []


def test_a_memory_hog_is_killed(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run, _ = world.python(HOG, memory_mib=100)
    assert list(tmp_path.iterdir()) == [], "podman's own files belong into the sandbox's folder"
    assert (run.state, run.exit_code) == ("FAILED", 137)
    assert run.reason.endswith("memory usage (it used 100 MiB; its limit is 100 MiB)")


def test_what_a_job_used_is_measured(world: World) -> None:
    code = "import time; kept = b'x' * 80 * 2**20; time.sleep(1.5)"
    run, _ = world.python(code, memory_mib=256)
    assert run.state == "SUCCEEDED"
    assert 80 <= run.peak_memory_mib <= 256


def test_a_sleeper_is_killed_at_its_time_out(world: World) -> None:
    run, text = world.python(SLEEPER, timeout_seconds=1)
    assert (run.state, run.reason) == ("FAILED", "Job attempt duration exceeded timeout (it is 1 s)")
    assert text == "asleep\n"
    assert containers(world) == []


def test_a_job_can_be_cancelled_and_its_log_read_while_it_runs(world: World) -> None:
    run_id = world.submit(world.build({"main.py": SLEEPER}))
    wait_until(lambda: world.executor.logs(run_id) == "asleep\n", lambda: f"the log is {world.executor.logs(run_id)!r}")
    world.executor.cancel(run_id, "stopped by the user")
    assert world.executor.wait(run_id, 60).reason == "stopped by the user"
    assert containers(world) == []


def test_a_failing_job_keeps_its_exit_code_and_log(world: World) -> None:
    run, text = world.python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (run.state, run.exit_code, run.reason) == ("FAILED", 3, "Essential container in task exited")
    assert sorted(text.splitlines()) == ["err", "out"]


ENTRY = """\
FROM python:3.12-slim
COPY show.sh /
ENTRYPOINT ["/show.sh", "image"]
CMD ["default"]
"""


@pytest.mark.parametrize(
    ("command", "arguments", "shown"),
    [
        (None, None, "image default"),
        (None, ["mine", "two words"], "image mine two words"),
        (["/show.sh", "other"], None, "other"),
        (["/show.sh", "other"], ["mine"], "other mine"),
        ([], [], "image default"),
    ],
)
def test_entrypoint_and_command_are_overridden_as_docker_does_it(
    world: World, command: list[str] | None, arguments: list[str] | None, shown: str
) -> None:
    image = world.build({"Dockerfile": ENTRY, "show.sh": "#!/bin/sh\necho $# $*\n"})
    _, text = world.run(image, command=command, args=arguments)
    assert text.split(maxsplit=1)[1].strip() == shown


def test_a_command_that_is_not_there(world: World) -> None:
    run, text = world.run(world.build({"main.py": ""}), command=["no-such-program"])
    assert run.state == "FAILED"
    assert run.reason.startswith("CannotStartContainerError")
    assert "no-such-program" in text


def test_an_image_that_is_not_there_or_no_more_cannot_be_pulled(world: World) -> None:
    run, _ = world.run("repo@sha256:" + "0" * 64)
    assert run.reason.startswith("CannotPullContainerError: there is no image")
    image = world.build({"main.py": "pass"})
    repository, _, digest = image.partition("@")
    world.registry.delete(repository, digest)
    run, _ = world.run(image)
    assert run.reason.startswith("CannotPullContainerError"), run


def test_what_a_job_writes_is_gone_with_it(world: World) -> None:
    image = world.build({"main.py": "import os; print(os.path.exists('left')); open('left', 'w').close()"})
    assert [world.run(image)[1] for _ in range(2)] == ["False\n", "False\n"]


def test_values_of_the_environment_are_on_no_command_line_and_in_no_record(world: World, tmp_path: Path) -> None:
    image = world.build({"main.py": "import os; print(len(os.environ['SECRET']), len(os.environ['LONG']))"})
    log, recorder = tmp_path / "commands", tmp_path / "recorder"
    recorder.write_text(
        f"#!/bin/sh\nprintf '%s\\n' \"$@\" >>{log}\n"
        f"for word; do case $word in --env-file=*) stat -c %a ${{word#*=}} >>{log};; esac; done\n"
        f'exec {world.engine.path} "$@"\n'
    )
    recorder.chmod(recorder.stat().st_mode | stat.S_IXUSR)
    engine = ContainerEngine(world.engine.name, str(recorder), world.engine.env)
    runner = ContainerRunner(engine, world.home, world.images, Network(9, world.home / "ca.pem"))
    executor = Executor(world.home, world.store, runner)
    env = {"SECRET": "planted-value", "LONG": "planted\nin lines"}
    run, text = replace(world, executor=executor).run(image, env=env)
    executor.stop()
    assert (run.state, text) == ("SUCCEEDED", "13 16\n")
    commands = log.read_text()
    assert "create" in commands.splitlines()
    assert "600" in commands.splitlines()
    assert "planted" not in commands
    assert "planted" not in str(world.store.all("runs"))


def test_what_a_killed_daemon_left_running_is_removed_at_the_next_start(world: World) -> None:
    image = world.build({"main.py": SLEEPER})
    network = Network(9, world.home / "ca.pem")
    spec = RunSpec("aws", "alpha", "left", image, {}, 1.0, 128, 600)
    with Path(os.devnull).open("wb") as nowhere:
        job = ContainerRunner(world.engine, world.home, world.images, network).start(spec, nowhere)
    assert len(containers(world)) == 1
    ContainerRunner(world.engine, world.home, world.images, network)
    assert containers(world) == []
    assert job.wait(60) is not None
