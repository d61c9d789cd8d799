"""Builds without a container engine, and the resulting jobs: files, environment, limits, logs, records."""

from __future__ import annotations

import io
import re
import tarfile

import pytest

from sandbox.cloud import Kernel
from sandbox.executor import RunSpec
from sandbox.images import BuildError

DOCKERFILE = """\
FROM python:3.12-slim
ARG WHERE=/nowhere
ENV GREETING="hello there" PLACE=$WHERE
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
CMD ["python", "main.py", "argument"]
"""


def context(main: str, dockerfile: str = DOCKERFILE, requirements: str = "# nothing\n") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        files = {"Dockerfile": dockerfile, "main.py": main, "requirements.txt": requirements}
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return buffer.getvalue()


def build(kernel: Kernel, main: str, **changes: str) -> str:
    lines: list[str] = []
    digest = kernel.images.build(
        "repo", context(main, **changes), "Dockerfile", {"WHERE": "/data"}, ["t1"], lines.append
    )
    return f"repo@{digest}"


def spec(image: str, **changes: object) -> RunSpec:
    values: dict[str, object] = {
        "cloud": "aws",
        "job": "alpha",
        "run_id": "run-1",
        "image": image,
        "env": {"TRIGGER_ID": "t-1", "SECRET": "planted"},
        "cpu": 1.0,
        "memory_mib": 512,
        "timeout_seconds": 60,
        **changes,
    }
    return RunSpec(**values)  # type: ignore[arg-type]


def test_a_job_runs_the_images_command_with_its_environment(kernel: Kernel) -> None:
    main = "import os, sys; print(os.environ['GREETING'], os.environ['PLACE'], sys.argv, os.path.basename(os.getcwd()))"
    kernel.executor.submit(spec(build(kernel, main)))
    run = kernel.executor.wait("run-1", 60)
    assert (run.state, run.exit_code, run.reason) == ("SUCCEEDED", 0, "")
    assert kernel.executor.logs("run-1") == "hello there /data ['main.py', 'argument'] app\n"


def test_it_sees_nothing_of_this_machines_environment(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THIS_MACHINE", "1")
    kernel.executor.submit(
        spec(build(kernel, "import os; print('OF_THIS_MACHINE' in os.environ, os.environ['SECRET'])"))
    )
    kernel.executor.wait("run-1", 60)
    assert kernel.executor.logs("run-1") == "False planted\n"


def test_the_record_of_a_run_holds_no_values_of_its_environment(kernel: Kernel) -> None:
    kernel.executor.submit(spec(build(kernel, "pass")))
    run = kernel.executor.wait("run-1", 60)
    assert run.env_names == ["SECRET", "TRIGGER_ID"]
    assert run.trigger_id == "t-1"
    assert "planted" not in str(kernel.store.all("runs"))


def test_another_command_can_be_run(kernel: Kernel) -> None:
    kernel.executor.submit(spec(build(kernel, "pass"), args=["python", "-c", "print('instead')"]))
    kernel.executor.wait("run-1", 60)
    assert kernel.executor.logs("run-1") == "instead\n"


def test_a_failing_job_keeps_its_exit_code_and_log(kernel: Kernel) -> None:
    kernel.executor.submit(spec(build(kernel, "import sys; print('no'); sys.exit(3)")))
    run = kernel.executor.wait("run-1", 60)
    assert (run.state, run.exit_code, run.reason) == ("FAILED", 3, "Essential container in task exited")
    assert kernel.executor.logs("run-1") == "no\n"


def test_a_job_over_its_time_out_is_killed(kernel: Kernel) -> None:
    kernel.executor.submit(spec(build(kernel, "import time; time.sleep(600)"), timeout_seconds=1))
    run = kernel.executor.wait("run-1", 60)
    assert (run.state, run.reason) == ("FAILED", "Job attempt duration exceeded timeout (it is 1 s)")


def test_a_job_over_its_memory_is_killed(kernel: Kernel) -> None:
    main = "import time; kept = bytearray(200 * 2**20); kept[::4096] = b'x' * len(kept[::4096]); time.sleep(600)"
    kernel.executor.submit(spec(build(kernel, main), memory_mib=100))
    run = kernel.executor.wait("run-1", 60)
    assert run.state == "FAILED"
    assert run.reason.startswith("OutOfMemoryError: Container killed due to memory usage (it used ")


@pytest.mark.parametrize("cloud", ["gcp", "azure"])
@pytest.mark.parametrize(
    ("script", "limits"),
    [
        ("import sys; sys.exit(3)", {}),
        ("import time; time.sleep(600)", {"timeout_seconds": 1}),
        ("import time; kept = b'x' * (200 * 2**20); time.sleep(600)", {"memory_mib": 100}),
        (None, {}),
    ],
)
def test_another_cloud_does_not_speak_as_aws(
    kernel: Kernel, cloud: str, script: str | None, limits: dict[str, int]
) -> None:
    image = build(kernel, script) if script else "repo@sha256:" + "0" * 64
    kernel.executor.submit(spec(image, cloud=cloud, **limits))
    run = kernel.executor.wait("run-1", 60)
    own = {
        "gcp": r"Task run-1-task0 failed with |Image '",
        "azure": r"Container 'node' was terminated |Job was active ",
    }
    assert re.match(own[cloud], run.reason), run.reason
    assert not re.search(r"Essential|Error:|\{|Job attempt", run.reason), run.reason


def test_a_job_can_be_cancelled(kernel: Kernel) -> None:
    kernel.executor.submit(spec(build(kernel, "import time; time.sleep(600)")))
    kernel.executor.cancel("run-1", "stopped by the user")
    assert kernel.executor.wait("run-1", 60).reason == "stopped by the user"


def test_an_image_that_is_not_there_cannot_be_pulled(kernel: Kernel) -> None:
    kernel.executor.submit(spec("repo@sha256:" + "0" * 64))
    assert kernel.executor.wait("run-1", 60).reason.startswith("CannotPullContainerError")


def test_what_a_job_writes_is_gone_with_it(kernel: Kernel) -> None:
    image = build(kernel, "import os; print(os.path.exists('left')); open('left', 'w').close()")
    for run_id in ("run-1", "run-2"):
        kernel.executor.submit(spec(image, run_id=run_id))
        kernel.executor.wait(run_id, 60)
    assert kernel.executor.logs("run-2") == "False\n"


def test_the_same_source_gives_the_same_digest_and_another_another(kernel: Kernel) -> None:
    assert build(kernel, "pass") == build(kernel, "pass") != build(kernel, "pass  # changed")


@pytest.mark.parametrize(
    ("dockerfile", "reason"),
    [
        ("FROM a\nFROM b\n", "a second FROM needs a container engine"),
        ("FROM a\nCOPY --from=x /a /b\n", "COPY --from needs a container engine"),
        ("FROM a\nCOPY missing.py .\n", "not in the build context"),
        ("FROM a\nWORKDIR /../../etc\nCOPY main.py .\n", "is outside the image"),
    ],
)
def test_a_dockerfile_that_a_process_cannot_stand_for_is_refused(kernel: Kernel, dockerfile: str, reason: str) -> None:
    with pytest.raises(BuildError, match=reason):
        build(kernel, "pass", dockerfile=dockerfile)


def test_requirements_that_cannot_be_installed_fail_the_build(kernel: Kernel) -> None:
    with pytest.raises(BuildError, match="pip install failed"):
        build(kernel, "pass", requirements="./no-such-package\n")
