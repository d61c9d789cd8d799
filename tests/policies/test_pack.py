"""The pack as a whole: its file, the names and settings of its rules, and its locked environment."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from policies.pack import RESOURCE_RULES, STACK_RULES, Rule
from tests.policies.single_rule import list_defaults

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "policies"
RULES: list[Rule[Any]] = [*RESOURCE_RULES, *STACK_RULES]


def test_names_are_unique_and_documented() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    page = (PACK / "README.md").read_text()
    assert [name for name in names if f"| `{name}` |" not in page] == []


def test_defaults_match_their_schemas_and_settings_are_documented() -> None:
    page = (PACK / "README.md").read_text()
    for rule in RULES:
        schema = {"type": "object", "properties": {name: dict(part) for name, part in rule.settings.items()}}
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(list_defaults(rule), schema)
        assert [name for name in rule.settings if f"`{name}`" not in page] == []


def test_the_pack_has_its_own_locked_environment() -> None:
    pack = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text())
    assert pack["runtime"] == {"name": "python", "options": {"virtualenv": ".venv"}}
    required = [line for line in (PACK / "requirements.in").read_text().splitlines() if not line.startswith("#")]
    locked = (PACK / "requirements.txt").read_text()
    for line in required:
        name = re.match(r"[a-z-]+", line)
        assert name
        assert re.search(rf"^{name[0]}==\S+ \\\n    --hash=sha256:", locked, re.MULTILINE), line
    assert not re.search(r"https?:|--index|file:|(^|\s)/", locked)
    # The pack and the program must use the same SDK, because both speak the engine's protocol.
    program = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {"pulumi==" + line.split("==")[1] for line in required if line.startswith("pulumi==")} <= set(program)
