"""The pack as a whole: its file, its names and settings, its locked environment."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import jsonschema
import yaml

from policies.pack import RESOURCE_RULES, STACK_RULES, ResourceRule, StackRule, defaults

ROOT = Path(__file__).resolve().parents[2]
PACK = ROOT / "policies"
RULES: list[ResourceRule | StackRule] = [*RESOURCE_RULES, *STACK_RULES]


def test_names_are_unique_and_every_rule_is_in_the_page() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    page = (PACK / "README.md").read_text()
    assert [name for name in names if f"| `{name}` |" not in page] == []


def test_defaults_keep_to_their_schemas_and_settings_are_in_the_page() -> None:
    page = (PACK / "README.md").read_text()
    for rule in RULES:
        schema = {"type": "object", "properties": {name: dict(each) for name, each in rule.settings.items()}}
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(defaults(rule), schema)
        assert [name for name in rule.settings if f"`{name}`" not in page] == []


def test_the_environment_is_its_own_and_locked() -> None:
    found = yaml.safe_load((PACK / "PulumiPolicy.yaml").read_text())
    assert found["runtime"] == {"name": "python", "options": {"virtualenv": ".venv"}}
    asked = [line for line in (PACK / "requirements.in").read_text().splitlines() if not line.startswith("#")]
    locked = (PACK / "requirements.txt").read_text()
    for line in asked:
        name = re.match(r"[a-z-]+", line)
        assert name
        assert re.search(rf"^{name[0]}==\S+ \\\n    --hash=sha256:", locked, re.MULTILINE), line
    assert not re.search(r"https?:|--index|file:|(^|\s)/", locked)
    # The engine's protocol on both sides: the pack's SDK is the program's.
    program = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    assert {"pulumi==" + each.split("==")[1] for each in asked if each.startswith("pulumi==")} <= set(program)
