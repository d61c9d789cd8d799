"""A fake engine that answers commands by their first words."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from pnodes.engine import Engine
from pnodes.engine.version import MINIMUM
from pnodes.pulumi import Pulumi

ENGINE = Engine(Path("/bin/pulumi"), MINIMUM, "PATH")


class FakeEngine(Pulumi):
    """`answers`: the first words of a command -> (exit code, standard output or error); tests may change them."""

    def __init__(self, **changes: tuple[int, Any]) -> None:
        super().__init__(ENGINE, Path("/nowhere"), {})
        self.answers: dict[str, tuple[int, Any]] = {
            "whoami": (0, {"user": "anna", "url": "s3://state?region=eu-west-1&awssdk=v2"}),
            "stack --show-name": (0, "live\n"),
            "stack output": (0, {"nodes": {"alpha": {"cloud": "aws", "region": "us-east-1", "job": "j"}}}),
            "stack export": (0, {"version": 3, "deployment": {"resources": []}}),
            "config --json": (0, {}),
            "config set": (0, ""),
            "plugin ls": (0, []),
        }
        self.answers |= {name.replace("__", " --").replace("_", " "): answer for name, answer in changes.items()}
        self.commands: list[tuple[str, ...]] = []

    def run(self, *arguments: str, value: str = "") -> subprocess.CompletedProcess[str]:
        self.commands.append(arguments)
        code, answer = next(answer for words, answer in self.answers.items() if " ".join(arguments).startswith(words))
        text = answer if isinstance(answer, str) else json.dumps(answer)
        return subprocess.CompletedProcess(arguments, code, "" if code else text, text if code else "")
