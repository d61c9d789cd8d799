"""The JSON Schema is up to date and accepts and rejects the same files as the parser."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest
import yaml

from nodefile import schema

ROOT = Path(__file__).resolve().parents[2]
NODE = {"model": "x", "cloud": "aws", "source": "m"}


def test_the_file_is_not_stale() -> None:
    assert (ROOT / "nodes.schema.json").read_text() == schema.render(), "run: python -m nodefile.schema"


def test_a_stale_file_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(schema, "TARGET", tmp_path / "nodes.schema.json")
    assert schema.main(["--check"]) == 1
    assert "is stale" in capsys.readouterr().err
    assert schema.main([]) == 0
    assert schema.main(["--check"]) == 0


def test_the_projects_own_file_is_valid() -> None:
    jsonschema.validate(yaml.safe_load((ROOT / "nodes.yaml").read_text()), schema.build_schema())


@pytest.mark.parametrize(
    "extra",
    [
        {"size": "gen-md"},
        {"size": {"cpu": 2, "memory": "8GiB"}},
        {"schedule": "0 14 * * *"},
        {"schedule": {"cron": "0 14 * * *", "timezone": "UTC"}},
        {"command": ["a"]},
        {"build": {"docker": True}},
        {"env": {"A": "b"}, "tags": {"a": "b"}, "enabled": False, "disk": "50GiB", "timeout": "2h"},
    ],
)
def test_valid_entries_are_accepted(extra: dict[str, object]) -> None:
    jsonschema.validate({"nodes": {"alpha": {**NODE, **extra}}}, schema.build_schema())


@pytest.mark.parametrize(
    "extra",
    [
        {"sise": "a"},
        {"size": "gen-mdd"},
        {"size": {"cpu": 2}},
        {"cloud": "awss"},
        {"env": {"A": 1}},
        {"command": []},
        {"build": {}},
        {"build": True},
    ],
)
def test_wrong_entries_are_rejected(extra: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"nodes": {"alpha": {**NODE, **extra}}}, schema.build_schema())


@pytest.mark.parametrize(
    "document", [{}, {"nodes": {}}, {"nodes": {"Alpha": NODE}}, {"nodes": {"a1": NODE}, "more": 1}]
)
def test_wrong_documents_are_rejected(document: object) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema.build_schema())


def test_every_key_has_a_description() -> None:
    entry = schema.build_schema()["$defs"]["Entry"]["properties"]
    assert not [spec for spec in entry.values() if not spec.get("description")]
