"""Google's discovery documents, as google-api-python-client ships them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from googleapiclient import discovery_cache

from tests.descriptions.sent import Sent, Verdict

SERVICES = {
    "artifactregistry": ["v1"],
    "cloudbilling": ["v1"],
    "cloudbuild": ["v1"],
    "cloudfunctions": ["v2"],
    "cloudresourcemanager": ["v1"],
    "logging": ["v2"],
    "run": ["v2"],
    "secretmanager": ["v1"],
    "serviceusage": ["v1", "v1beta1"],
    "storage": ["v1"],
}
"""Service -> the versions that the program uses."""
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "boolean": bool, "integer": int, "number": (int, float), "array": list, "object": dict,
}  # fmt: skip


def check(sent: Sent) -> Verdict | None:
    """Compare a request with the document of its host. None if the host is another one."""
    service = sent.host.removesuffix(".googleapis.com")
    if service not in SERVICES or service == sent.host:
        return None
    matches = []
    for version in SERVICES[service]:
        document = _read(service, version)
        for method, pattern in _list_methods(service, version):
            if method["httpMethod"] == sent.method and (match := pattern.fullmatch(sent.path)):
                matches.append((document, method, match))
    problems: list[list[str]] = [list(_compare(sent, *each)) for each in matches]
    if not matches:
        return Verdict("", [f"no method of {service} has {sent.method} {sent.path}"])
    best = min(range(len(matches)), key=lambda index: len(problems[index]))
    return Verdict(matches[best][1]["id"], problems[best])


@cache
def _read(service: str, version: str) -> dict[str, Any]:
    file = Path(discovery_cache.__file__).parent / "documents" / f"{service}.{version}.json"
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


@cache
def _list_methods(service: str, version: str) -> list[tuple[dict[str, Any], re.Pattern[str]]]:
    """Return the methods with a pattern of their path. One that takes media has a second path."""
    document = _read(service, version)
    methods = []
    for method in _walk(document):
        methods.append((method, _write_pattern("/" + document["servicePath"] + method["path"], method)))
        if "mediaUpload" in method:
            media = {**method, "request": None}
            methods.append((media, _write_pattern(method["mediaUpload"]["protocols"]["simple"]["path"], method)))
    return methods


def _walk(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from part.get("methods", {}).values()
    for inner in part.get("resources", {}).values():
        yield from _walk(inner)


def _write_pattern(path: str, method: dict[str, Any]) -> re.Pattern[str]:
    def replace(match: re.Match[str]) -> str:
        reserved, name = match.groups()
        # The documents' own patterns tell the methods of one path apart. {name} is one encoded segment.
        allowed = method["parameters"][name].get("pattern", "^.+$") if reserved else "^[^/]+$"
        return f"(?P<{name}>{allowed.removeprefix('^').removesuffix('$')})"

    parts = re.split(r"(\{\+?\w+\})", path)
    return re.compile(
        "".join(re.sub(r"\{(\+?)(\w+)\}", replace, part) if part.startswith("{") else re.escape(part) for part in parts)
    )


def _compare(sent: Sent, document: dict[str, Any], method: dict[str, Any], path: re.Match[str]) -> Iterator[str]:
    known = {**document["parameters"], **method.get("parameters", {})}
    given = {name for name, _ in sent.query} | set(path.groupdict())
    for name, value in sent.query:
        parameter = known.get(name)
        if parameter is None or parameter["location"] != "query":
            yield f"unknown parameter {name}"
        elif value:
            yield from _check_text(name, value, parameter)
    for name, parameter in method.get("parameters", {}).items():
        if parameter.get("required") and name not in given:
            yield f"the parameter {name} is missing"
    if not sent.body or "mediaUpload" in method:
        return
    if method.get("request"):
        yield from _check_value("body", sent.json(), {"$ref": method["request"]["$ref"]}, document["schemas"])
    elif sent.json():
        yield "this method takes no body"


def _check_text(name: str, value: str, parameter: dict[str, Any]) -> Iterator[str]:
    kind = parameter["type"]
    if kind == "integer" and not re.fullmatch(r"-?\d+", value):
        yield f"{name}={value} is no integer"
    if kind == "boolean" and value not in ("true", "false"):
        yield f"{name}={value} is no boolean"
    if "enum" in parameter and value not in parameter["enum"]:
        yield f"{name}={value} is none of {parameter['enum']}"


def _check_value(where: str, value: Any, schema: dict[str, Any], schemas: dict[str, Any]) -> Iterator[str]:
    if "$ref" in schema:
        schema = schemas[schema["$ref"]]
    kind = schema.get("type", "any")
    if kind != "any" and (not isinstance(value, _TYPES[kind]) or (kind != "boolean" and isinstance(value, bool))):
        # 64-bit numbers are strings, and the services read numbers, too.
        if not (kind == "string" and schema.get("format", "").endswith("64") and isinstance(value, int)):
            yield f"{where} is {value!r:.60}, expected {kind}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{where} is {value!r}, expected one of {schema['enum']}"
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _check_value(f"{where}[{index}]", item, schema["items"], schemas)
    if isinstance(value, dict):
        properties, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, item in value.items():
            inner = properties.get(name, others)
            if inner is None:
                yield f"{where} has an unknown member {name}"
            elif properties.get(name, {}).get("readOnly"):
                yield f"{where}.{name} is read-only"
            else:
                yield from _check_value(f"{where}.{name}", item, inner, schemas)
