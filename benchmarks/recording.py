"""Record what the program registers, for the flat program. Arguments: nodes.yaml, the target, stack, settings as JSON.

The program runs under Pulumi's mocks, whose outputs are unique texts. Where an input contains an output of a resource
that it depends on, the record has a reference, so that the flat program's inputs get the cloud's own values.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import runpy
import sys
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.mocks import MockMonitor

from benchmarks.programs.flat import find_class, snake
from benchmarks.project import PROJECT
from docs.generate import recorder
from docs.generate.mocks import aws, azure, gcp
from pnodes.engine.paths import ROOT
from sandbox.values import raw

_CLOUDS: dict[str, type[recorder.Mocks]] = {"aws": aws.Mocks, "gcp": gcp.Mocks, "azure-native": azure.Mocks}
_OURS = {
    "WebhookKey": {"key": "the-key-from-which-the-tokens-are-derived"},
    "Webhook": {"fingerprint": "a-fingerprint"},
}
_SHORT = 8
"""Outputs with fewer characters are replaced only where they are the whole input."""
Keys = tuple[str | int, ...]


class Mocks(recorder.Mocks):
    """Answers as the cloud of a resource does. Physical names include the type, so that every output is unique."""

    def __init__(self) -> None:
        super().__init__()
        self._clouds = {package: mocks() for package, mocks in _CLOUDS.items()}

    def answer(self, type_: str, name: str, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        kind = type_.rsplit(":", 1)[-1]
        unique = f"{name}-{zlib.crc32(type_.encode()):08x}"
        if kind in _OURS:
            return unique, {**inputs, **_OURS[kind]}
        # Our dynamic resources on every cloud get the answers that those on Azure get.
        package = type_.split(":")[0] if type_.split(":")[0] in _CLOUDS else "azure-native"
        return self._clouds[package].answer(type_, unique, inputs)

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        package = args.token.split(":")[0]
        outputs, failures = self._clouds[package].call(args)
        return {name: _unique(value, package) for name, value in outputs.items()}, failures


def _unique(value: Any, package: str) -> Any:
    """Return a cloud's answer with its planted credentials, which are the same on several clouds, told apart."""
    return f"{value}-{package}" if isinstance(value, str) and value.startswith("planted-") else value


class Monitor(MockMonitor):
    """Notes each registration as the engine would receive it."""

    def __init__(self, mocks: Mocks) -> None:
        super().__init__(mocks)
        self.records: list[dict[str, Any]] = []
        self._answers: dict[str, dict[str, Keys]] = {}
        self._outputs: dict[str, dict[str, Keys]] = {}

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - named by the protocol
        answer = super().RegisterResource(request)  # type: ignore[no-untyped-call]
        if request.type != "pulumi:pulumi:Stack":
            inputs = raw(request.object)
            needed = {urn: self._outputs[urn] for urn in request.dependencies if urn in self._outputs}
            self.records.append(
                {
                    "urn": answer.urn,
                    "type": request.type,
                    "name": request.name,
                    "custom": request.custom,
                    "parent": request.parent,
                    "depends_on": sorted(request.dependencies),
                    "inputs": _refer(inputs, needed | self._answers),
                    "outputs": [],
                    "options": _options(request),
                }
            )
            outputs = raw(answer.object)
            cls = find_class(request.type)
            if cls is not None:  # mocks answer with outputs that the type does not have
                outputs = {name: value for name, value in outputs.items() if hasattr(cls, snake(name))}
            self._outputs[answer.urn] = _computed(outputs | {"id": answer.id}, inputs)
        return answer

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - named by the protocol
        answer = super().Invoke(request)  # type: ignore[no-untyped-call]
        args = raw(request.args)
        record = {"token": request.tok, "inputs": _refer(args, self._outputs)}
        if record not in [{"token": known.get("token"), "inputs": known["inputs"]} for known in self.records]:
            urn = f"invoke-{len(self.records)}"
            self.records.append({"urn": urn, **record})
            self._answers[urn] = _computed(raw(getattr(answer, "return")), args)
        return answer


def _options(request: Any) -> dict[str, Any]:
    options = {
        "additional_secret_outputs": list(request.additionalSecretOutputs),
        "ignore_changes": list(request.ignoreChanges),
        "replace_on_changes": list(request.replaceOnChanges),
        "retain_on_delete": request.retainOnDelete,
        "delete_before_replace": request.deleteBeforeReplace,
        "protect": request.protect,
    }
    return {name: value for name, value in options.items() if value}


def _leaves(value: Any, path: Keys = ()) -> Iterator[tuple[Keys, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield path, str(value)


def _computed(outputs: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Keys]:
    """Return the outputs that the cloud chose, each with its path."""
    given = {text for _, text in _leaves(inputs)}
    found: dict[str, Keys] = {}
    for path, text in sorted(_leaves(outputs), key=lambda leaf: len(leaf[0])):
        if text and text not in given:
            found.setdefault(text, path)
    return found


def _refer(value: Any, needed: Mapping[str, Mapping[str, Keys]]) -> Any:
    """Return an input with references in place of the outputs of these resources."""
    outputs = {text: [urn, list(path)] for urn, known in needed.items() for text, path in dict(known).items()}
    long = sorted((text for text in outputs if len(text) >= _SHORT), key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, long))) if long else None

    def refer(value: Any) -> Any:
        if isinstance(value, list):
            return [refer(item) for item in value]
        if isinstance(value, dict):
            return {key: refer(item) for key, item in value.items()}
        if not isinstance(value, str):
            return value
        if value in outputs:
            return {"$ref": outputs[value]}
        pieces = list(_split(value, pattern)) if pattern else [value]
        if len(pieces) == 1:
            return value
        return {"$concat": [{"$ref": outputs[piece]} if piece in outputs else piece for piece in pieces]}

    return refer(value)


def _split(text: str, pattern: re.Pattern[str]) -> Iterator[str]:
    """Yield the pieces of a text, those that match the pattern apart from the others."""
    end = 0
    for match in pattern.finditer(text):
        yield from filter(None, (text[end : match.start()], match[0]))
        end = match.end()
    if text[end:]:
        yield text[end:]


def _name_outputs(records: Iterable[dict[str, Any]]) -> None:
    """List with each resource those of its outputs that others refer to."""
    records = list(records)
    used: dict[str, set[str]] = {}

    def look(value: Any) -> None:
        if isinstance(value, dict) and "$ref" in value:
            urn, path = value["$ref"]
            used.setdefault(urn, set()).add(path[0])
        elif isinstance(value, dict | list):
            for item in value.values() if isinstance(value, dict) else value:
                look(item)

    for record in records:
        look(record["inputs"])
    for record in records:
        record["outputs"] = sorted(used.get(record["urn"], set()) - {"id"})


def record(nodes: Path, project: str, stack: str, config: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the calls of providers' functions and the registrations that a nodes.yaml leads to, in order."""
    os.chdir(nodes.parent)
    for name in ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"):
        os.environ[name] = f"@{name}@"
    asyncio.set_event_loop(asyncio.new_event_loop())
    monitor = Monitor(mocks := Mocks())
    pulumi.runtime.set_mocks(mocks, project, stack, monitor=monitor)
    pulumi.runtime.set_all_config(dict(config))
    pulumi.runtime.test(lambda: runpy.run_path(str(ROOT / "__main__.py")))()  # type: ignore[no-untyped-call]
    _name_outputs(monitor.records)
    return monitor.records


if __name__ == "__main__":
    nodes, target, stack, config = sys.argv[1:]
    target_file = Path(target).resolve()  # before the folder changes
    recorded = record(Path(nodes).resolve(), PROJECT, stack, json.loads(config))
    target_file.write_text(json.dumps(recorded), encoding="utf-8")
