"""How each cloud words the failure of a job, as its users quote it. What the sandbox knows besides is in brackets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.executor import RunSpec

_GOOGLE = "Task {run}-task0 failed with exit code: {code} and message: "
_AZURE = "Container 'node' was terminated with exit code '{code}' and reason "
_EXITED = {
    "aws": "Essential container in task exited",
    "gcp": _GOOGLE + "The container exited with an error.",
    "azure": _AZURE + "'ProcessExited'",
}
_NO_MEMORY = {
    "aws": "OutOfMemoryError: Container killed due to memory usage",
    "gcp": _GOOGLE + "The configured memory limit was reached.",
    "azure": _AZURE + "'OOMKilled'",
}
_TOO_LONG = {
    "aws": "Job attempt duration exceeded timeout",
    "gcp": _GOOGLE + "The configured timeout was reached.",
    "azure": "Job was active longer than specified deadline",
}
NO_IMAGE, NO_START = "CannotPullContainerError", "CannotStartContainerError"
"""The kinds of failure before a container runs, by their names on AWS."""
_NOT_STARTED = {
    (NO_IMAGE, "gcp"): "Image '{image}' not found.",
    (NO_IMAGE, "azure"): _AZURE + "'ImagePullFailure'",
    (NO_START, "gcp"): _GOOGLE + "The container failed to start.",
    (NO_START, "azure"): _AZURE + "'ContainerCreateFailure'",
}


def describe_exit(spec: RunSpec, code: int) -> str:
    """Return the reason of a job whose container ended with an exit code other than 0."""
    return _EXITED[spec.cloud].format(run=spec.run_id, code=code)


def describe_out_of_memory(used_mib: int, spec: RunSpec) -> str:
    """Return the reason of a job that exceeded its memory."""
    text = _NO_MEMORY[spec.cloud].format(run=spec.run_id, code=137 if spec.cloud == "azure" else 0)
    return f"{text} (it used {used_mib} MiB; its limit is {spec.memory_mib} MiB)"


def describe_timeout(spec: RunSpec) -> str:
    """Return the reason of a job that exceeded its time-out."""
    return f"{_TOO_LONG[spec.cloud].format(run=spec.run_id, code=0)} (it is {spec.timeout_seconds} s)"


def describe_no_start(spec: RunSpec, kind: str, detail: str) -> str:
    """Return the reason of a job whose container did not start: `kind` is NO_IMAGE or NO_START."""
    text = _NOT_STARTED.get((kind, spec.cloud), f"{kind}: {detail}")
    code = "" if spec.cloud == "azure" else 0
    return text.format(run=spec.run_id, code=code, image=spec.image)
