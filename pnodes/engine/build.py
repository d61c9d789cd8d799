"""Build the engine from the Go module proxy, for machines that can reach package registries only.

`engine/go` is a Go tools module that pins `pulumi` and its dependencies by hash (go.sum). The linker sets the version;
an engine without a version refuses `refresh`, `destroy` and the Automation API. The module lacks the language host, so
`shims` writes small executables next to the engine.
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
    """`go build` failed; the message contains its last lines."""


def find_go() -> str | None:
    """Return the path of the `go` on PATH, or None."""
    return shutil.which("go")


def build_command(target: Path, module: Path = GO_MODULE) -> list[str]:
    """Return the command that builds `target`."""
    stamp = f"-s -w -X {_VERSION_VARIABLE}=v{version.pinned(module)}"
    flags = ["-mod=readonly", "-trimpath", "-buildvcs=false", "-ldflags", stamp]
    return ["go", "build", *flags, "-o", str(target), _COMMAND]


def build(home: Path, module: Path = GO_MODULE) -> None:
    """Build the engine into `home`; a previous engine stays in place if the build fails. Raises BuildFailed."""
    folder = engine_bin(home)
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".pulumi.{os.getpid()}"
    # The build needs no C compiler, and ignores a Go workspace around the checkout and the user's flags.
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off", "GOFLAGS": ""}
    try:
        result = subprocess.run(
            build_command(fresh, module),
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
            lines = [line for line in result.stdout.splitlines() if not line.startswith("go: downloading")]
            raise BuildFailed("`go build` failed:\n" + "\n".join(lines[-15:]))
        shims.write(folder)
        (home / "built").write_text(f"v{version.pinned(module)}\n")
        fresh.replace(folder / "pulumi")
    except subprocess.TimeoutExpired:
        raise BuildFailed(f"`go build` had not finished after {_BUILD_TIMEOUT} s") from None
    finally:
        fresh.unlink(missing_ok=True)
