"""Writes the ACR task that builds an image: a `docker build` command and a push.

A build request (`DockerBuildRequest`) would use Docker's legacy builder, which supports neither heredocs nor `RUN
--mount` nor layers of the previous image; and ACR's search for base images rejects `FROM --platform=...`. A command
step of a task runs an unmodified Docker with BuildKit, on the same machine and logged in to the registry.
"""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Mapping


def encode_task(
    image: str, dockerfile: str, platform: str, arguments: Mapping[str, str], former: str | None, seconds: int
) -> str:
    """Return the task in the encoding of run requests. `former` is the previous image, whose layers may be reused."""
    words = ["docker", "build", "--platform", platform, "--progress", "plain", "--file", dockerfile, "--tag", image]
    # Unchanged layers are reused from the previous image, which contains an inline cache.
    words += ["--build-arg", "BUILDKIT_INLINE_CACHE=1", *(["--cache-from", former] if former else [])]
    for name, value in sorted(arguments.items()):
        words += ["--build-arg", f"{name}={value}"]
    text = {
        # From version 1.1.0, `$` in a command would begin an alias.
        "version": "v1.0.0",
        "stepTimeout": seconds,
        "steps": [
            {
                "id": "build",
                "cmd": shlex.join([*words, "."]),
                # Without the second variable, newer versions of Docker push an index instead of an image.
                "env": ["DOCKER_BUILDKIT=1", "BUILDX_NO_DEFAULT_ATTESTATIONS=1"],
            },
            {"id": "push", "push": [image], "when": ["build"]},
        ],
    }
    # JSON is valid YAML and quotes all values. ACR expands the task as a template, so double braces must be escaped.
    return base64.b64encode(json.dumps(text).replace("{{", '{{"{{"}}').encode()).decode()
