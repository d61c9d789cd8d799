"""Checks the names, required inputs and types of every resource against the classes of the installed SDKs.

The SDKs are the newest source of names. Importing a package takes almost a second, so it is imported when its first
resource is checked.
"""

from __future__ import annotations

import importlib
import inspect
import threading
import types
import typing
from collections.abc import Iterator
from functools import cache
from typing import Any

import pulumi
from pulumi import _types

from sandbox.values import UNKNOWN

_MODULES = {
    "aws": "pulumi_aws",
    "gcp": "pulumi_gcp",
    "azure-native": "pulumi_azure_native",
    "docker-build": "pulumi_docker_build",
}
_KEYWORDS = {"lambda": "lambda_"}
Failure = tuple[str, str]
_IMPORTING = threading.Lock()
"""The SDKs' services are placeholders until their first use, which several threads must not make at the same time."""


def check(type_: str, inputs: dict[str, Any]) -> Iterator[Failure]:
    """Yield unknown, missing and wrongly typed inputs of a type (pkg:module/file:Class or pkg:module:Class)."""
    with _IMPORTING:
        args = _args_class(type_)
    if args is None:
        yield "", f"the installed SDK has no resource type {type_}"
        return
    yield from _check_object(args, inputs, "")


@cache
def _args_class(type_: str) -> type | None:
    package, module, name = type_.split(":")
    folder = module.split("/")[0]
    path = _MODULES[package] if folder == "index" else f"{_MODULES[package]}.{_KEYWORDS.get(folder, folder)}"
    try:
        service = importlib.import_module(path)
        # A resource's arguments are InitArgs if another type of the service has the resource's name.
        args = getattr(service, f"{name}InitArgs", None) or getattr(service, f"{name}Args", None)
    except ImportError:
        return None
    return args if isinstance(args, type) else None


@cache
def _properties(args: type) -> dict[str, tuple[Any, bool]]:
    """Return wire name -> (type, required)."""
    initialiser = vars(args)["__init__"]
    signature = inspect.signature(initialiser)
    module = importlib.import_module(args.__module__)
    space = {**vars(pulumi), **vars(typing), **vars(module)}
    # With a separate localns, typing resolves forward references anew. Otherwise it may use a cached class of another
    # module: several have a "SkuArgs".
    hints = typing.get_type_hints(initialiser, globalns=space, localns={})
    wire = _types.input_type_py_to_pulumi_names(args)
    return {
        wire.get(name, name): (hints.get(name, Any), parameter.default is inspect.Parameter.empty)
        for name, parameter in signature.parameters.items()
        if name not in ("self", "__self__")
    }


def _check_object(args: type, value: dict[str, Any], path: str) -> Iterator[Failure]:
    properties = _properties(args)
    for name in sorted(value.keys() - properties.keys() - {"__defaults"}):
        yield f"{path}{name}", f"unknown property '{path}{name}' of {args.__name__.removesuffix('Args')}"
    for name, (_, required) in properties.items():
        if required and name not in value:
            yield f"{path}{name}", f"Missing required property '{path}{name}'"
    for name, item in value.items():
        if name in properties and item is not None:
            yield from _check_value(properties[name][0], item, f"{path}{name}")


def _check_value(hint: Any, value: Any, path: str) -> Iterator[Failure]:
    options = list(_options(hint))
    if value == UNKNOWN or not options or Any in options:
        return
    if isinstance(value, dict):
        nested = [option for option in options if isinstance(option, type) and _types.is_input_type(option)]
        mappings = [option for option in options if typing.get_origin(option) in _MAPPINGS]
        if nested:
            yield from _check_object(nested[0], value, f"{path}.")
        elif mappings:
            for key, item in value.items():
                yield from _check_value(typing.get_args(mappings[0])[1], item, f"{path}.{key}")
        elif not any(isinstance(o, type) and issubclass(o, pulumi.Archive | pulumi.Asset) for o in options):
            yield path, f"expected {_name(options)}, got an object"
    elif isinstance(value, list):
        lists = [option for option in options if typing.get_origin(option) in _SEQUENCES]
        if not lists:
            yield path, f"expected {_name(options)}, got a list"
        for index, item in enumerate(value if lists else ()):
            yield from _check_value(typing.get_args(lists[0])[0], item, f"{path}[{index}]")
    elif not any(_accepts(option, value) for option in options):
        yield path, f"expected {_name(options)}, got {value!r:.60}"


_MAPPINGS = (dict, typing.get_origin(typing.Mapping[str, str]))
_SEQUENCES = (list, typing.get_origin(typing.Sequence[str]))


def _options(hint: Any) -> Iterator[Any]:
    """Yield the plain types that a type hint of the SDK allows, without Output, Awaitable and None."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        for option in typing.get_args(hint):
            yield from _options(option)
    elif hint is type(None) or (origin is not None and origin not in _MAPPINGS + _SEQUENCES):
        return
    elif isinstance(hint, typing.ForwardRef | str):
        yield Any
    else:
        yield hint


def _accepts(option: Any, value: Any) -> bool:
    if isinstance(value, bytes):
        return isinstance(option, type) and issubclass(option, pulumi.Asset | pulumi.Archive)
    if not isinstance(option, type):
        return False
    if option is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if option is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if issubclass(option, str):
        return isinstance(value, str)
    return isinstance(value, option)


def _name(options: list[Any]) -> str:
    return " or ".join(sorted({_one_name(option) for option in options}))


def _one_name(option: Any) -> str:
    origin = typing.get_origin(option)
    if origin in _MAPPINGS or (isinstance(option, type) and _types.is_input_type(option)):
        return "an object"
    return "a list" if origin in _SEQUENCES else str(getattr(option, "__name__", option))
