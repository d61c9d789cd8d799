"""Build Microsoft's Python worker for Azure Functions into .tools/azure-worker: `python -m benchmarks.azure_worker`.

PyPI's newest release of the worker is of 2020, so the source comes from its repository, at a commit that git verifies.
As the worker's own build does, this generates the modules of the gRPC protocol. The protocol's descriptors are written
beside them, for `benchmarks.runtimes`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from pnodes.engine.paths import ROOT

REPOSITORY = "https://github.com/Azure/azure-functions-python-worker"
COMMIT = "7e6acf36e43335ad69742923af9ff3d62b99242a"
"""Version 4.34.0"""
FOLDER = ROOT / ".tools" / "azure-worker"
DESCRIPTORS = FOLDER / "protocol.binpb"
_PYTHON = ROOT / ".tools" / "bench-runtimes" / "bin" / "python"
_PROTOS = ("FunctionRpc.proto", "identity/ClaimsIdentityRpc.proto", "shared/NullableTypes.proto")


def build() -> None:
    """Replace the folder."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    source = FOLDER / "source"
    source.mkdir(parents=True)
    for command in (["init", "--quiet"], ["fetch", "--quiet", "--depth=1", REPOSITORY, COMMIT]):
        subprocess.run(["git", *command], cwd=source, check=True)
    subprocess.run(["git", "-c", "advice.detachedHead=false", "checkout", "--quiet", COMMIT], cwd=source, check=True)
    # In Azure's images, worker.py lies beside its package, too.
    shutil.copytree(source / "azure_functions_worker", FOLDER / "azure_functions_worker")
    shutil.copy(source / "python" / "prodV4" / "worker.py", FOLDER)
    shutil.rmtree(source)
    _generate_protocol(FOLDER / "azure_functions_worker" / "protos")
    subprocess.run([_PYTHON, "-m", "compileall", "-q", FOLDER], check=True)


def _generate_protocol(protos: Path) -> None:
    origin = protos / "_src" / "src" / "proto"
    options = [f"-I{origin}", f"--python_out={protos}", f"--grpc_python_out={protos}"]
    options += [f"--descriptor_set_out={DESCRIPTORS}", "--include_imports"]
    subprocess.run([_PYTHON, "-W", "ignore", "-m", "grpc_tools.protoc", *options, *_PROTOS], check=True)
    for module in protos.rglob("*_pb2*.py"):
        text = re.sub(r"(?m)^import (\w+_pb2)", r"from azure_functions_worker.protos import \1", module.read_text())
        module.write_text(re.sub(r"(?m)^from (identity|shared) ", r"from azure_functions_worker.protos.\1 ", text))


if __name__ == "__main__":
    build()
