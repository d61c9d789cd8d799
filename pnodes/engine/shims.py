"""The two small executables that stand beside an engine built from Go: its language host and its dynamic provider.

They find the checkout from where they lie, so they work from any folder and after the checkout has moved, and they run
with the project's own interpreter. They name a module of this project, so an update of the project may outdate them:
`locate.installed` rewrites those of a built engine, which is not built again for that.
"""

import os
from pathlib import Path

LANGUAGE_HOST = "pulumi-language-python"
DYNAMIC_PROVIDER = "pulumi-resource-pulumi-python"

# `-P` keeps the folder the engine happens to start in off the module path.
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
# Where only the locked packages are installed, the project itself is found by this.
PYTHONPATH=$root
export PYTHONPATH
exec "$python" -P -u -m pnodes.engine.language_host "$@"
"""

# The engine gives the runtime's options as PULUMI_RUNTIME_<OPTION>.
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
    """Writes those that are missing from `folder` or out of date, each in one step."""
    for name, text in {LANGUAGE_HOST: _LANGUAGE_HOST, DYNAMIC_PROVIDER: _DYNAMIC_PROVIDER}.items():
        if (folder / name).is_file() and (folder / name).read_text() == text:
            continue
        fresh = folder / f".{name}.{os.getpid()}"
        fresh.write_text(text)
        fresh.chmod(0o755)
        fresh.replace(folder / name)
