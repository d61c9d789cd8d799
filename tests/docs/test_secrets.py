"""docs/secrets.md: its commands and their options exist, and its files are valid."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator

import pytest
import yaml

from pnodes import engine
from pnodes.engine.paths import ROOT
from providers.numerai import keys

PAGE = (ROOT / "docs" / "secrets.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    """Return the page's blocks of a kind."""
    return re.findall(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)


def commands() -> Iterator[list[str]]:
    """Yield the words of each command."""
    for block in blocks("sh"):
        for line in block.splitlines():
            yield shlex.split(line, comments=True)


@pytest.mark.e2e
def test_commands_and_their_options_exist() -> None:
    pulumi, seen = engine.ensure(print).path, set()
    for words in commands():
        assert words[0] == "pulumi", words
        name = [word for word in words[1:] if re.fullmatch(r"[a-z-]+", word) and not word.startswith("-")]
        name = name[:1] if words[1] in ("up", "preview") else name[:2]
        options = {word.split("=")[0] for word in words if word.startswith("--")}
        if (tuple(name), frozenset(options)) in seen:
            continue
        seen.add((tuple(name), frozenset(options)))
        done = subprocess.run([str(pulumi), *name, "--help"], capture_output=True, text=True, check=True)
        # For an unknown command, Pulumi prints the parent's help. Some commands have an alias.
        usage = rf"^  pulumi {name[0]}{' [a-z-]+' * (len(name) - 1)} [\[<]"
        assert re.search(usage, done.stdout, re.MULTILINE), f"{name}: {done.stdout}"
        assert [option for option in options if option not in done.stdout] == [], name
    assert len(seen) >= 7


def test_the_environment_sets_what_the_program_reads() -> None:
    environment, stack, _ = (yaml.safe_load(block) for block in blocks("yaml"))
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["name"]
    names = keys.name_keys(None)
    settings = environment["values"]["pulumiConfig"]
    assert set(settings) == {f"{project}:{names.public_id}", f"{project}:{names.secret}"}
    for reference in settings.values():
        part = environment["values"]
        for name in reference.removeprefix("${").removesuffix("}").split("."):
            part = part[name]
        assert set(part) == {"fn::secret"}
    assert stack == {"environment": ["prediction-nodes/live"]}


def test_the_key_settings_are_those_that_the_program_reads() -> None:
    settings = {words[-1] for words in commands() if words[1:4] == ["config", "set", "--secret"]}
    example = yaml.safe_load(blocks("yaml")[-1])["secrets"]
    assert settings == {keys.name_keys(None).public_id, keys.name_keys(None).secret, *example}
