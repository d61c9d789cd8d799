"""Runs one Pulumi program in a process of its own; the language host starts it with the program's interpreter.

Standard input holds the request as JSON (so that configuration, some of it secret, is neither on a command line nor in
the environment of what the program starts). Errors look as with Pulumi's own host: an exception is shown with the
frames of the program only, and exit code 32 says that the person has been told already.

This file is run by its path and may use nothing but the standard library and `pulumi`.
"""

import asyncio
import json
import logging
import os
import runpy
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ALREADY_TOLD = 32
"""Exit code: the error has been shown, nothing is to be added."""

try:
    import pulumi
    from pulumi import runtime
except ImportError as missing:
    print(f"The Pulumi SDK cannot be imported by {sys.executable}: {missing}.", file=sys.stderr)
    print("Install what the program needs with `make setup` (or `pulumi install`).", file=sys.stderr)
    sys.exit(ALREADY_TOLD)


def read_request() -> dict[str, Any]:
    """Takes the request from standard input, then gives the program an empty one."""
    request: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return request


def main_file(program: str) -> Path:
    """The file in which a program starts: itself, or `__main__.py` of a folder."""
    path = Path(program).resolve()
    return path / "__main__.py" if path.is_dir() else path


def user_traceback(error: BaseException, main: Path) -> str:
    """The traceback from the program's first frame on; all of it when the program has none."""
    frames = traceback.extract_tb(error.__traceback__)
    first = next((n for n, frame in enumerate(frames) if Path(frame.filename).resolve() == main), 0)
    return "".join(traceback.format_exception(error, limit=first - len(frames)))


def execute(program: str, parallel: int) -> int:
    """Runs the program inside its stack resource and waits for all its resources; gives back the exit code."""
    main = main_file(program)
    if not main.is_file():
        pulumi.log.error(f"There is no Pulumi program at {main}.")
        return ALREADY_TOLD
    if main == Path(program).resolve():
        sys.path.insert(0, str(main.parent))

    # A failed resource leaves parts of the graph unawaited, which asyncio would complain about at exit.
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
        except Exception as error:  # noqa: BLE001 (whatever a program raises is shown to the person)
            pulumi.log.error(f"Program failed with an unhandled exception:\n{user_traceback(error, main)}")
            return ALREADY_TOLD
        finally:
            loop.close()
            sys.stdout.flush()
            sys.stderr.flush()
    return 0


def _run(program: str) -> None:
    runpy.run_path(program, run_name="__main__")


def main() -> int:
    """Sets the runtime up as the request says, then runs the program."""
    request = read_request()
    runtime.set_all_config(request["config"], request["config_secret_keys"])
    runtime.configure(
        runtime.Settings(
            project=request["project"],
            stack=request["stack"],
            monitor=request["monitor"],
            engine=request["engine"],
            parallel=request["parallel"],
            dry_run=request["dry_run"],
            organization=request["organization"],
            root_directory=request["root_directory"],
        )
    )
    sys.argv = [request["program"], *request["arguments"]]
    return execute(request["program"], request["parallel"])


if __name__ == "__main__":
    sys.exit(main())
