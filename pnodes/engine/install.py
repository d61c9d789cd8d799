"""Find or install an engine, in this order: PATH, `.tools/`, the official installer, a build with Go.

Each step reports its work and about how long it takes. If two processes need an engine at the same time, the second
waits for the first.
"""

import time
from collections.abc import Callable
from pathlib import Path

from pnodes.engine import build, locate, lock, official, version
from pnodes.engine.locate import Engine, Rejected
from pnodes.engine.paths import ENGINE_HOME, engine_bin, shown

Say = Callable[[str], None]


class EngineError(Exception):
    """There is no engine and none could be installed; the message says what to do."""


def ensure(say: Say, home: Path = ENGINE_HOME) -> Engine:
    """Return a working engine; installs one into `home` if there is none. Raises EngineError."""
    candidate = locate.on_path(own=home)
    if isinstance(candidate, Engine):
        return candidate
    engine = locate.installed(home)
    if engine is not None:
        return engine
    if isinstance(candidate, Rejected):
        say(f"The pulumi on PATH ({candidate.path}) is not used: {candidate.reason}.")
    notice = "Another process is installing the Pulumi engine; waiting for it to finish."
    with lock.exclusive(home.with_name(home.name + ".lock"), lambda: say(notice)):
        engine = locate.installed(home)
        if engine is None:
            _install(home, say)
            engine = locate.installed(home)
    if engine is None:
        raise EngineError(
            f"An engine was installed into {shown(engine_bin(home))}, but it does not run on this machine. "
            f"Install Pulumi {version.MINIMUM} or newer with its own installer (pulumi.com/docs/install)."
        )
    return engine


def _install(home: Path, say: Say) -> None:
    """Run the official installer if its site is reachable; otherwise build the engine."""
    reason = official.find_obstacle()
    if reason is None:
        say("Downloading the Pulumi engine with the official installer (about 100 MB, typically 1 minute).")
        started = time.monotonic()
        try:
            official.install(home)
        except official.InstallFailed as error:
            reason = str(error)
        else:
            say(f"Downloaded in {time.monotonic() - started:.0f} s.")
            return
    say(f"The official Pulumi download cannot be used ({reason}).")
    if build.find_go() is None:
        raise EngineError(
            "There is no Pulumi engine on this machine, its download site cannot be reached, and Go is not installed. "
            f"Install Pulumi {version.MINIMUM} or newer (pulumi.com/docs/install), or Go (go.dev/doc/install)."
        )
    say(
        f"Building Pulumi {version.pinned()} with Go instead: 4 to 5 minutes on two cores the first time, "
        "under a minute once Go has cached it."
    )
    started = time.monotonic()
    try:
        build.build(home)
    except build.BuildFailed as error:
        raise EngineError(
            f"{error}\nThe Pulumi engine could not be built. "
            f"Install Pulumi {version.MINIMUM} or newer (pulumi.com/docs/install)."
        ) from None
    say(f"Built in {time.monotonic() - started:.0f} s.")
