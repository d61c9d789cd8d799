"""A flat Pulumi program: registers the resources of resources.json with Pulumi's SDKs and nothing of this project's.

`benchmarks.recording` writes the file: each resource with its type, name, inputs, parent and dependencies, in the order
in which the program registered it. In the inputs, {"$ref": [URN, path]} is an output of another resource and
{"$concat": [...]} a text with such outputs in it; the rest is in the engine's own form.
"""

import asyncio
import importlib
import json
import os
import re
from pathlib import Path
from typing import Any, cast

import pulumi
from pulumi import _types

_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - the mark of a secret, not one
_ASSET, _ARCHIVE = "c44067f5952c0a294b673a41bacd8c17", "0def7320c3a5731c473e5ecbe6d01bc7"
_SDKS = {"aws": "pulumi_aws", "gcp": "pulumi_gcp", "azure-native": "pulumi_azure_native"}
_KEYWORDS = {"lambda": "lambda_"}
invoked: dict[str, pulumi.Output[Any]] = {}
registered: dict[str, pulumi.Resource] = {}


def find_class(type_: str) -> Any:
    """Return the SDK's class of a type such as aws:s3/bucket:Bucket; None for a type that no SDK has."""
    package, module, name = type_.split(":")
    if package not in _SDKS:
        return None
    folder = module.split("/")[0]
    return getattr(importlib.import_module(f"{_SDKS[package]}.{_KEYWORDS.get(folder, folder)}"), name)


def find_names(cls: Any) -> dict[str, str]:
    """Return the SDK's name of each input by its name in the engine's form."""
    arguments = getattr(importlib.import_module(cls.__module__), f"{cls.__name__}Args")
    return {wire: python for python, wire in _types.input_type_py_to_pulumi_names(arguments).items()}


def snake(name: str) -> str:
    """Return the SDK's name of a nested output."""
    return re.sub("(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def step(value: Any, key: str | int) -> Any:
    """Return a part of an output. In a preview, a part that is not there yet is unknown."""
    nested = isinstance(key, str) and hasattr(type(value), snake(key))
    part = getattr(value, snake(str(key))) if nested else value[key]
    if part is None and pulumi.runtime.is_dry_run():
        nothing, known = asyncio.get_running_loop().create_future(), asyncio.get_running_loop().create_future()
        nothing.set_result(None)
        known.set_result(False)
        return pulumi.Output(set(), nothing, known)
    return part


def find_output(urn: str, path: list[str | int]) -> pulumi.Output[Any]:
    """Return an output, or a part of one, of a resource that was registered before or of a provider's function."""
    output: Any
    if urn in invoked:
        output, keys = invoked[urn], path
    else:
        first, *keys = path
        name = snake(str(first)) if hasattr(type(registered[urn]), snake(str(first))) else str(first)
        output = getattr(registered[urn], name)
    for key in keys:
        output = output.apply(lambda value, key=key: step(value, key))
    return cast("pulumi.Output[Any]", output)


def build(value: Any) -> Any:
    """Turn a recorded input into a value for Pulumi's SDK."""
    if isinstance(value, list):
        return [build(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return find_output(*value["$ref"])
    if "$concat" in value:
        return pulumi.Output.concat(*(build(part) for part in value["$concat"]))
    signature = value.get(_SIGNATURE)
    if signature == _SECRET:
        return pulumi.Output.secret(build(value["value"]))
    if signature == _ASSET:
        return pulumi.FileAsset(value["path"]) if "path" in value else pulumi.StringAsset(value["text"])
    if signature == _ARCHIVE:
        return pulumi.AssetArchive(build(value["assets"])) if "assets" in value else pulumi.FileArchive(value["path"])
    return {key: build(item) for key, item in value.items()}


def register(record: dict[str, Any]) -> pulumi.Resource:
    """Register one resource."""
    options = pulumi.ResourceOptions(
        parent=registered.get(record["parent"]),
        depends_on=[registered[urn] for urn in record["depends_on"]],
        **record["options"],
    )
    type_, name, inputs = record["type"], record["name"], build(record["inputs"])
    if not record["custom"]:
        return pulumi.ComponentResource(type_, name, None, options)
    cls = find_class(type_)
    if cls is None:
        return pulumi.CustomResource(type_, name, {**dict.fromkeys(record["outputs"]), **inputs}, options)
    names = find_names(cls)
    resource: pulumi.Resource = cls(name, opts=options, **{names.get(key, key): value for key, value in inputs.items()})
    return resource


def main() -> None:
    """Register everything that was recorded. Numerai's keys differ in every sandbox."""
    text = Path("resources.json").read_text(encoding="utf-8")
    for variable in ("NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"):
        text = text.replace(f"@{variable}@", os.environ[variable])
    for record in json.loads(text):
        if "token" in record:
            invoked[record["urn"]] = pulumi.runtime.invoke_output(record["token"], build(record["inputs"]))
        else:
            registered[record["urn"]] = register(record)


if __name__ == "__main__":
    main()
