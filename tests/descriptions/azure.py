"""Azure's own clients: the requests that their generated code builds, and the models of their bodies."""

from __future__ import annotations

import ast
import importlib
import re
import typing
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, NamedTuple

import azure.core

from tests.descriptions.sent import Sent, Verdict

CLIENTS = {
    "management.azure.com": [
        "azure.mgmt.appcontainers.operations",
        "azure.mgmt.containerregistrytasks.operations",
        "azure.mgmt.resource.resources.operations",
        "azure.mgmt.resource.subscriptions.operations",
    ],
    "api.loganalytics.azure.com": ["azure.monitor.query._operations"],
    "api.loganalytics.io": ["azure.monitor.query._operations"],
    ".azurecr.io": ["azure.containerregistry._generated.operations"],
    ".blob.core.windows.net": ["azure.storage.blob._generated.operations"],
}
"""A host, or its end -> the packages of the clients' operations."""
BODIES = {
    "jobs_start": ("azure.mgmt.appcontainers.models", "JobExecutionTemplate"),
    "registries_schedule_run": ("azure.mgmt.containerregistrytasks.models", "RunRequest"),
    "monitor_query_logs_execute": ("azure.monitor.query.models._models", "QueryBody"),
}
"""Operation -> the model of its body. Other operations take no JSON."""
# The paths below the host that the clients' configuration adds.
_BASES = {"api.loganalytics.azure.com": "/v1", "api.loganalytics.io": "/v1"}
_COMMON = re.compile(r"authorization|host|user-agent|accept.*|connection|content-(length|type)|x-ms-date|range")
_SIGNATURE = frozenset({"se", "sig", "sp", "sr", "st", "sv", "spr", "skoid", "sktid", "skt", "ske", "sks", "skv"})
_FIXED = ("restype", "comp", "x-ms-blob-type")


class Operation(NamedTuple):
    """A request of a client: its name, method and path; its query and headers, which are needed and have what value."""

    name: str
    method: str
    path: str
    query: frozenset[str]
    headers: frozenset[str]
    needed: frozenset[str]
    fixed: dict[str, str]


def check(sent: Sent) -> Verdict | None:
    """Compare a request with the clients of its host. None if the host has none."""
    place = next((end for end in CLIENTS if sent.host == end or (end[0] == "." and sent.host.endswith(end))), None)
    if place is None:
        return None
    path = sent.path.removeprefix(_BASES.get(place, ""))
    verdicts = [
        Verdict(operation.name, list(_compare(sent, operation, place)))
        for operation in (each for package in CLIENTS[place] for each in list_operations(package))
        if operation.method == sent.method and _write_pattern(operation.path, place).fullmatch(path)
    ]
    if not verdicts:
        return Verdict("", [f"no client's operation has {sent.method} {sent.path}"])
    return min(verdicts, key=lambda verdict: len(verdict.problems))


@cache
def list_operations(package: str) -> list[Operation]:
    """Return the requests that the functions `build_NAME_request` of a package build."""
    # Importing a package would take longer than reading its files.
    folder = Path(azure.core.__file__).parents[2].joinpath(*package.split("."))
    # The functions come before the classes, which are most of a file.
    texts = [file.read_text(encoding="utf-8").partition("\nclass ")[0] for file in folder.glob("_*operations.py")]
    parsed = [ast.parse(text).body for text in texts]
    functions = [each for body in parsed for each in body if isinstance(each, ast.FunctionDef)]
    return [_read_function(each) for each in functions if each.name.startswith("build_")]


def _read_function(function: ast.FunctionDef) -> Operation:
    path, method, fixed = "", "", dict[str, str]()
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "_url":
            path = path or next((text for text in _list_texts(node.value) if "/" in text or "{" in text), "")
        if isinstance(node, ast.keyword) and node.arg == "method":
            (method,) = _list_texts(node.value)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("_params.pop", "_headers.pop"):
            texts = list(_list_texts(ast.Tuple(node.args)))
            if len(texts) == 2 and texts[0].lower() in _FIXED:
                fixed[texts[0].lower()] = texts[1]
    # What is set without an `if` is always sent.
    needed = {name for _, name in _list_set([each for each in function.body if isinstance(each, ast.Assign)])}
    every = _list_set(list(ast.walk(function)))
    return Operation(
        function.name.removeprefix("build_").removesuffix("_request"),
        method,
        path,
        frozenset(name for place, name in every if place == "_params"),
        frozenset(name for place, name in every if place == "_headers"),
        frozenset(name for name in needed if not _COMMON.fullmatch(name)),
        fixed,
    )


def _list_texts(node: ast.AST) -> Iterator[str]:
    return (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def _list_set(nodes: list[Any]) -> set[tuple[str, str]]:
    """Return the names that assignments such as `_params["comp"] = ...` set, in lower case, with where."""
    pairs = set()
    for node in nodes:
        target = node.targets[0] if isinstance(node, ast.Assign) else None
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            pairs.add((target.value.id, next(_list_texts(target.slice), "").lower()))
    return {(place, name) for place, name in pairs if place in ("_params", "_headers")}


@cache
def _write_pattern(path: str, place: str) -> re.Pattern[str]:
    if path == "{url}":  # a blob's or a container's client is given its URL
        return re.compile(r"/.*" if place.startswith(".blob") else r"(?!)")
    # The names of repositories and `scope` have slashes.
    parts = [
        (".+" if part in ("{name}", "{scope}") else "[^/]+") if part.startswith("{") else re.escape(part)
        for part in re.split(r"(\{\w+\})", path.removeprefix("/"))
    ]
    return re.compile("/?" + "".join(parts), re.IGNORECASE)


def _compare(sent: Sent, operation: Operation, place: str) -> Iterator[str]:
    given = {**{name.lower(): value for name, value in sent.query}, **sent.headers}
    signed = _SIGNATURE if "sig" in given else frozenset[str]()
    for name, _ in sent.query:
        # Azure adds the token to the address of a list's next page.
        if name.lower() not in operation.query | signed | {"$skiptoken"}:
            yield f"unknown parameter {name}"
    for name in sent.headers:
        if name not in operation.headers and not _COMMON.fullmatch(name) and not name.startswith("x-ms-meta-"):
            yield f"unknown header {name}"
    for name in operation.needed - given.keys():
        # A signed URL has the version in `sv`, and a registry's path has it in itself, as Azure's command line shows.
        if not (signed and name == "x-ms-version") and (place, name) != (".azurecr.io", "api-version"):
            yield f"{name} is missing"
    for name, value in operation.fixed.items():
        if given.get(name, value) != value:
            yield f"{name} is {given[name]}, expected {value}"
    if not sent.has_json() or not sent.body:
        return
    if operation.name not in BODIES:
        yield from (["this operation takes no body"] if sent.json() else [])
        return
    module, name = BODIES[operation.name]
    models = importlib.import_module(module)
    yield from _check_value("body", sent.json(), getattr(models, name), models)


def _check_value(where: str, value: Any, kind: Any, models: ModuleType) -> Iterator[str]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, UnionType):
        inner = [argument for argument in arguments if argument is not type(None)]
        verdicts = [list(_check_value(where, value, argument, models)) for argument in inner]
        yield from min(verdicts, key=len)
    elif origin is list or origin is typing.List:  # noqa: UP006 - as the models are written
        if not isinstance(value, list):
            yield f"{where} is {value!r:.60}, expected a list"
            return
        for index, item in enumerate(value):
            yield from _check_value(f"{where}[{index}]", item, arguments[0], models)
    elif isinstance(kind, type) and kind.__module__.endswith("._models"):
        yield from _check_model(where, value, kind, models)
    elif kind in (str, int, float, bool):
        accepted = (int, float) if kind is float else kind
        if not isinstance(value, accepted) or (kind is not bool and isinstance(value, bool)):
            yield f"{where} is {value!r:.60}, expected {kind.__name__}"


def _check_model(where: str, value: Any, model: Any, models: ModuleType) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where} is {value!r:.60}, expected {model.__name__}"
        return
    if value.get("type") in getattr(model, "__mapping__", {}):
        model = model.__mapping__[value["type"]]
    model()  # only a model that was used once knows its fields
    hints = typing.get_type_hints(model, {**vars(importlib.import_module(model.__module__)), "_models": models})
    fields = {field._rest_name: name for name, field in model._attr_to_rest_field.items()}
    for name, item in value.items():
        if name not in fields:
            yield f"{where} has an unknown member {name}"
        else:
            yield from _check_value(f"{where}.{name}", item, hints.get(fields[name], Any), models)
