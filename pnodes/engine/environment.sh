#!/bin/sh
# Creates .venv: uv (from PATH, else from PyPI into .tools/uv), then the locked packages, then this project, editable.
# Usage: environment.sh STAMP [LOCK FILE]. Does nothing if STAMP is newer than the lock file. Two processes take turns.
# The default lock file is requirements/dev.txt; requirements.txt has the packages for `pulumi up` and `python -m pnodes`.
set -eu
cd -- "$(dirname -- "$0")/../.."
stamp=$1
packages=${2:-requirements/dev.txt}
lock=.tools/environment.lock
mkdir -p .tools

# Company proxies need the system's certificates, which pip uses by default and uv does not.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"

say() { printf '\033[1m==>\033[0m %s\n' "$*"; }

# mkdir is atomic on every system. A lock whose process has ended is removed.
until mkdir "$lock" 2>/dev/null; do
    owner=$(cat "$lock/pid" 2>/dev/null || true)
    [ -n "${notified:-}" ] || say "Another process is installing the Python packages; waiting for it to finish."
    notified=yes
    sleep 1
    if [ "$owner" = "$(cat "$lock/pid" 2>/dev/null || true)" ] && { [ -z "$owner" ] || ! kill -0 "$owner" 2>/dev/null; }
    then
        rm -rf "$lock"
    fi
done
echo $$ > "$lock/pid"
trap 'rm -rf "$lock"' EXIT
trap 'exit 130' INT TERM

if [ -e "$stamp" ] && [ "$stamp" -nt "$packages" ] && [ "$stamp" -nt pyproject.toml ]; then
    exit 0
fi

uv=$(command -v uv || echo .tools/uv/bin/uv)
if [ ! -x "$uv" ]; then
    say "There is no uv on PATH: installing it into .tools/uv from PyPI (10 seconds)"
    rm -rf .tools/uv
    "${PYTHON:-python3}" -m venv .tools/uv || {
        rm -rf .tools/uv
        echo "uv could not be installed: '${PYTHON:-python3} -m venv' failed. Install uv (docs.astral.sh/uv), or your" \
            "system's package for Python's venv module (python3-venv on Debian and Ubuntu)." >&2
        exit 1
    }
    # The lock file pins its version and hashes.
    awk '/^uv==/ {found = 1} found {print} found && !/\\$/ {exit}' requirements/dev.txt > .tools/uv/uv.txt
    .tools/uv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r .tools/uv/uv.txt || {
        rm -rf .tools/uv
        exit 1
    }
fi

say "Installing the Python packages into .venv (half a minute to download, seconds when uv has them in its cache)"
rm -f .venv/.ready-*
if ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
    rm -rf .venv
    "$uv" venv --quiet --python '>=3.11' .venv
fi
"$uv" pip sync --quiet --python .venv/bin/python --require-hashes "$packages"
if [ "$packages" = requirements/dev.txt ]; then
    "$uv" pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
fi
# Registering a node on each cloud with mocks compiles the program and the parts of the clouds' SDKs that it uses: once
# here instead of at each run of the engine where PYTHONDONTWRITEBYTECODE is set. The SDKs import their parts on use.
env -u PYTHONDONTWRITEBYTECODE .venv/bin/python -c \
    'import gc; gc.disable(); from docs.generate import resources; resources.page(); gc.freeze()'
touch "$stamp"
