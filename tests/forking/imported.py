"""Imports what a program, a dynamic provider or the sandbox may import, in the process from which all are forked."""

import gc
import importlib
import pkgutil
import re
import sys
from pathlib import Path

import dill
import grpc.experimental
import httpcore
import pulumi
import pulumi.dynamic
import pulumi_aws
import pulumi_azure_native
import pulumi_docker_build
import pulumi_gcp

import nodefile.settings
import providers
import sandbox.numerai.generate
from tests.descriptions import azure
from tests.forking import forked

_SDKS = (pulumi_aws, pulumi_azure_native, pulumi_docker_build, pulumi_gcp)
__all__ = ["dill", "forked", "grpc", "httpcore", "nodefile", "pulumi", "sandbox"]

gc.set_threshold(100_000, 50, 100)
_used: set[str] = set()
for _module in pkgutil.walk_packages(providers.__path__, "providers."):
    _path = Path(importlib.import_module(_module.name).__file__ or "")
    _used.update(re.findall(r"(\w+)\.(?:[A-Z]|get_)", _path.read_text()))
# The SDKs load a service's module when an attribute of it is looked up.
for _name, _loaded in list(sys.modules.items()):
    _package, _, _service = _name.partition(".")
    if _service in _used and _package in {sdk.__name__ for sdk in _SDKS}:
        hasattr(_loaded, "any")
for _client in {client for clients in azure.CLIENTS.values() for client in clients}:
    azure.list_operations(_client)
for _models, _ in azure.BODIES.values():
    importlib.import_module(_models)
gc.freeze()
