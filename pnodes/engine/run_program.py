"""Run one Pulumi program in its own process; the language host starts this file with the program's interpreter.

The request is read from standard input as JSON, so that secret configuration appears neither on a command line nor in
the environment of child processes. Errors look as with Pulumi's own host: a traceback contains the program's frames
only, and exit code 32 means that the error has been shown.

This file is run by its path and may import only the standard library and `pulumi`.
"""

import asyncio
import gc
import json
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ERROR_SHOWN = 32
"""Exit code: the error has already been shown."""
_SETTINGS = ("project", "stack", "monitor", "engine", "parallel", "dry_run", "organization", "root_directory")

# The SDKs create some hundred thousand objects and keep them. With Python's usual thresholds, looking for garbage among
# them takes half of a program's processor time, some of it at exit.
gc.set_threshold(100_000, 50, 100)

try:
    import pulumi
    from pulumi import runtime
except ImportError as missing:
    print(f"The Pulumi SDK cannot be imported by {sys.executable}: {missing}.", file=sys.stderr)
    print("Install what the program needs with `make setup` (or `pulumi install`).", file=sys.stderr)
    sys.exit(ERROR_SHOWN)


def read_request() -> dict[str, Any]:
    """Read the request from standard input, then replace standard input with an empty one for the program."""
    request: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return request


def find_main_file(program: str) -> Path:
    """Return the program's main file: the program itself, or `__main__.py` of a folder."""
    path = Path(program).resolve()
    return path / "__main__.py" if path.is_dir() else path


def format_program_traceback(error: BaseException, main: Path) -> str:
    """Return the traceback from the program's first frame on, or the whole traceback if it has no frame there."""
    frames = traceback.extract_tb(error.__traceback__)
    first = next((n for n, frame in enumerate(frames) if Path(frame.filename).resolve() == main), 0)
    return "".join(traceback.format_exception(error, limit=first - len(frames)))


def execute(program: str, parallel: int) -> int:
    """Run the program inside its stack resource, wait for all its resources, and return the exit code."""
    main = find_main_file(program)
    if not main.is_file():
        pulumi.log.error(f"There is no Pulumi program at {main}.")
        return ERROR_SHOWN
    if main == Path(program).resolve():
        sys.path.insert(0, str(main.parent))

    # After a failed resource some tasks are never awaited, which asyncio would report at exit.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with ThreadPoolExecutor(max_workers=max(parallel, 1) * 4) as executor:
        loop.set_default_executor(executor)
        try:
            loop.run_until_complete(runtime.run_in_stack(lambda: _run(program)))
        except pulumi.RunError as error:
            pulumi.log.error(str(error))
            return 1
        except Exception as error:  # noqa: BLE001 (any exception of the program is shown to the user)
            pulumi.log.error(f"Program failed with an unhandled exception:\n{format_program_traceback(error, main)}")
            return ERROR_SHOWN
        finally:
            loop.close()
            sys.stdout.flush()
            sys.stderr.flush()
    return 0


def _run(program: str) -> None:
    runpy.run_path(program, run_name="__main__")


def main() -> int:
    """Configure the runtime from the request, then run the program."""
    request = read_request()
    runtime.set_all_config(request["config"], request["config_secret_keys"])
    runtime.configure(runtime.Settings(**{name: request[name] for name in _SETTINGS}))
    sys.argv = [request["program"], *request["arguments"]]
    try:
        return execute(request["program"], request["parallel"])
    finally:
        gc.freeze()


if __name__ == "__main__":
    sys.exit(main())
