"""`python -m pnodes.engine` prints the path of the `pulumi` to use, and installs one if there is none.

Progress goes to standard error, so that `$(python -m pnodes.engine)` is the path alone.
"""

import sys

from pnodes.engine.install import EngineError, ensure


def main() -> int:
    """Print the path and return 0, or print the error to standard error and return 1."""
    try:
        engine = ensure(lambda line: print(line, file=sys.stderr, flush=True))
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    print(engine.path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
