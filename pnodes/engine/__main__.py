"""`python -m pnodes.engine` prints the path of the `pulumi` to use, installing one when there is none.

What happens on the way is told on standard error, so that `$(python -m pnodes.engine)` is the path and nothing else.
"""

import sys

from pnodes.engine.install import EngineError, ensure


def main() -> int:
    """Exit code 0 with a path on standard output, or 1 with a sentence on standard error."""
    try:
        engine = ensure(lambda line: print(line, file=sys.stderr, flush=True))
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    print(engine.path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
