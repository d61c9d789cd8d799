"""What the registry's builder does, as a task of ACR: one command of Docker that builds, and a push.

A plain build request (`DockerBuildRequest`) runs Docker's old builder: no heredocs, no `RUN --mount`, no layers from
the image before, and its search for base images takes `FROM --platform=...` for a mistake. A task's command step is
Docker as it is, on the same machine, with the registry's log-in and with BuildKit.
"""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping


def task(
    image: str, dockerfile: str, platform: str, arguments: Mapping[str, str], former: str | None, seconds: int
) -> str:
    """The task, encoded as a run request takes it; layers may come from `former`, the image before this one."""
    words = ["docker", "build", "--platform", platform, "--progress", "plain", "--file", dockerfile, "--tag", image]
    # Layers that are as in the image before come from there: it carries their keys along.
    words += ["--build-arg", "BUILDKIT_INLINE_CACHE=1", *(["--cache-from", former] if former else [])]
    for name, value in sorted(arguments.items()):
        words += ["--build-arg", f"{name}={value}"]
    text = {
        # From 1.1.0 on a `$` in a command would begin an alias.
        "version": "v1.0.0",
        "stepTimeout": seconds,
        "steps": [
            {
                "id": "build",
                "cmd": shlex.join([*words, "."]),
                # Without the second a newer Docker pushes an index of several manifests, not an image.
                "env": ["DOCKER_BUILDKIT=1", "BUILDX_NO_DEFAULT_ATTESTATIONS=1"],
            },
            {"id": "push", "push": [image], "when": ["build"]},
        ],
    }
    # JSON is YAML: nothing is quoted by hand. The task is a template first, in which braces say themselves.
    return base64.b64encode(json.dumps(text).replace("{{", '{{"{{"}}').encode()).decode()
