"""Builds the engine from the Go module proxy, for machines that reach package registries and nothing else.

`engine/go` is a tools module: it pins `pulumi` and everything below it by hash (go.sum). The version is stamped in by
the linker: an engine without one refuses `refresh`, `destroy` and the Automation API. The language host is no part of
that module, so small executables of our own are put beside the engine (see `shims`).
"""

import os
import shutil
import subprocess
from pathlib import Path

from pnodes.engine import shims, version
from pnodes.engine.paths import GO_MODULE, engine_bin

_COMMAND = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
_VERSION_VARIABLE = "github.com/pulumi/pulumi/sdk/v3/go/common/version.Version"
_BUILD_TIMEOUT = 3600


class BuildFailed(Exception):
    """`go build` did not give an engine; the text is its last words."""


def available() -> str | None:
    """The `go` on PATH, if any."""
    return shutil.which("go")


def command(target: Path, module: Path = GO_MODULE) -> list[str]:
    """The build's command line; it writes `target`."""
    stamp = f"-s -w -X {_VERSION_VARIABLE}=v{version.pinned(module)}"
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", stamp]
    return ["go", "build", *flags, "-o", str(target), _COMMAND]


def build(home: Path, module: Path = GO_MODULE) -> None:
    """Builds into `home`. A build that fails or is interrupted leaves what was there before."""
    folder = engine_bin(home)
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".pulumi.{os.getpid()}"
    # No C compiler is needed, and neither a workspace around the checkout nor a person's own flags change the build.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}
    try:
        result = subprocess.run(
            command(fresh, module),
            cwd=module,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_BUILD_TIMEOUT,
            check=False,
        )
        if result.returncode != 0:
            words = [line for line in result.stdout.splitlines() if not line.startswith("go: downloading")]
            raise BuildFailed("`go build` failed:\n" + "\n".join(words[-15:]))
        shims.write(folder)
        (home / "built").write_text(f"v{version.pinned(module)}\n")
        fresh.replace(folder / "pulumi")
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"`go build` had not finished after {_BUILD_TIMEOUT} s") from None
    finally:
        fresh.unlink(missing_ok=True)
