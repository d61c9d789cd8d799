"""Run the official installer, through `pulumi.automation.PulumiCommand.install`.

That function downloads and runs a script, which downloads the release. It has no time limit and does not detect early
that its site cannot be reached. The site is therefore probed first, and the installer runs in a process that can be
stopped.
"""

import os
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from pnodes.engine.paths import engine_bin
from pnodes.engine.shims import DYNAMIC_PROVIDER, LANGUAGE_HOST

SITE = "https://get.pulumi.com/install.sh"
PROBE_TIMEOUT = 5.0
INSTALL_TIMEOUT = 900.0

_INSTALL = "import sys; from pulumi.automation import PulumiCommand; PulumiCommand.install(root=sys.argv[1])"


class InstallFailed(Exception):
    """The official installer failed; the message gives the reason."""


def find_obstacle(url: str = SITE, timeout: float = PROBE_TIMEOUT) -> str | None:
    """Return None if the installer's site answers, otherwise the reason."""
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 (a constant https address)
    try:
        with urllib.request.urlopen(request, timeout=timeout):  # noqa: S310
            return None
    except urllib.error.URLError as error:
        return str(getattr(error, "reason", error))
    except OSError as error:
        return str(error)


def install(home: Path, timeout: float = INSTALL_TIMEOUT) -> None:
    """Download the release that matches the SDK into `home`, completely or not at all. Raises InstallFailed."""
    fresh = home.with_name(f"{home.name}.{os.getpid()}")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        # Unbuffered, so that the error is the last line of the output.
        _run([sys.executable, "-u", "-c", _INSTALL, str(fresh)], timeout)
        for name in ("pulumi", LANGUAGE_HOST, DYNAMIC_PROVIDER):
            if not (engine_bin(fresh) / name).exists():
                raise InstallFailed(f"the official release has no {name}")
        shutil.rmtree(home, ignore_errors=True)
        fresh.rename(home)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _run(command: list[str], timeout: float) -> None:
    """Run the installer in its own process group, so that its downloads end with it."""
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise InstallFailed(f"the official installer had not finished after {timeout:.0f} s") from None
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        last = output.strip().splitlines()[-1:] or ["it printed nothing"]
        raise InstallFailed(f"the official installer failed: {last[0].strip()}")
