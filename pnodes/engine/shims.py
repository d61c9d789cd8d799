"""The two small executables next to an engine built with Go: its language host and its dynamic provider.

They find the checkout relative to their own path, so they work from any folder and after the checkout has moved, and
they run with the project's interpreter. They refer to a module of this project, so an update of the project may make
them outdated. `locate.installed` therefore rewrites them without a new build.
"""

import os
from pathlib import Path

LANGUAGE_HOST = "pulumi-language-python"
DYNAMIC_PROVIDER = "pulumi-resource-pulumi-python"

# `-P` keeps the engine's working directory off the module path.
_LANGUAGE_HOST = """\
#!/bin/sh
# Pulumi's language host for Python: serves pnodes/engine/language_host.py to the engine that started this.
root=$(CDPATH= cd -- "$(dirname -- "$0")/../../.." && pwd) || exit 1
python=$root/.venv/bin/python
if [ ! -x "$python" ]; then
    echo "pulumi-language-python: $python is missing; run 'make setup' in $root" >&2
    exit 1
fi
unset PYTHONHOME
# If only the locked packages are installed, the project itself is found through PYTHONPATH.
PYTHONPATH=$root
export PYTHONPATH
exec "$python" -P -u -m pnodes.engine.language_host "$@"
"""

# The engine passes the runtime's options as PULUMI_RUNTIME_<OPTION>.
_DYNAMIC_PROVIDER = """\
#!/bin/sh
# Pulumi's provider of dynamic resources for Python, run by the interpreter of the program that uses it.
root=$(CDPATH= cd -- "$(dirname -- "$0")/../../.." && pwd) || exit 1
venv=${PULUMI_RUNTIME_VIRTUALENV:-$root/.venv}
case $venv in
    /*) ;;
    *) venv=$PWD/$venv ;;
esac
if [ ! -x "$venv/bin/python" ]; then
    echo "pulumi-resource-pulumi-python: $venv/bin/python is missing; run 'make setup' in $root" >&2
    exit 1
fi
unset PYTHONHOME
PATH=$venv/bin:$PATH
export PATH
exec "$venv/bin/python" -u -m pulumi.dynamic "$@"
"""


def write(folder: Path) -> None:
    """Write the executables that are missing from `folder` or outdated, each atomically."""
    for name, text in {LANGUAGE_HOST: _LANGUAGE_HOST, DYNAMIC_PROVIDER: _DYNAMIC_PROVIDER}.items():
        if (folder / name).is_file() and (folder / name).read_text() == text:
            continue
        fresh = folder / f".{name}.{os.getpid()}"
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.replace(folder / name)
