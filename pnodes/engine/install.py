"""Decides where the engine comes from, in this order: PATH, `.tools/`, the official installer, a build with Go.

Each step says what it does and about how long it takes; when none works, one sentence says what to install. Two
processes that ask at the same time install once: the second waits for the first.
"""

import time
from collections.abc import Callable
from pathlib import Path

from pnodes.engine import build, locate, lock, official, version
from pnodes.engine.locate import Engine, Rejected
from pnodes.engine.paths import ENGINE_HOME, engine_bin, shown

Say = Callable[[str], None]


class EngineError(Exception):
    """There is no engine and none could be installed; the text says what to do."""


def ensure(say: Say, home: Path = ENGINE_HOME) -> Engine:
    """An engine that works, installed into `home` when there is none."""
    candidate = locate.on_path(own=home)
    if isinstance(candidate, Engine):
        return candidate
    present = locate.installed(home)
    if present is not None:
        return present
    if isinstance(candidate, Rejected):
        say(f"The pulumi on PATH ({candidate.path}) is not used: {candidate.reason}.")
    waiting = "Another process is installing the Pulumi engine; waiting for it to finish."
    with lock.exclusive(home.with_name(home.name + ".lock"), lambda: say(waiting)):
        present = locate.installed(home)
        if present is None:
            _install(home, say)
            present = locate.installed(home)
    if present is None:
        raise EngineError(
            f"An engine was installed into {shown(engine_bin(home))}, but it does not run on this machine. "
            f"Install Pulumi {version.MINIMUM} or newer with its own installer (pulumi.com/docs/install)."
        )
    return present


def _install(home: Path, say: Say) -> None:
    """The official installer where its site answers, else a build."""
    reason = official.reachable()
    if reason is None:
        say("Downloading the Pulumi engine with the official installer (about 100 MB; 1 minute on a usual line).")
        started = time.monotonic()
        try:
            official.install(home)
        except official.InstallFailed as error:
            reason = str(error)
        else:
            say(f"Downloaded in {time.monotonic() - started:.0f} s.")
            return
    say(f"The official Pulumi download cannot be used ({reason}).")
    if build.available() is None:
        raise EngineError(
            "There is no Pulumi engine on this machine, its download cannot be reached, and there is no Go to build it "
            f"with. Install Pulumi {version.MINIMUM} or newer (pulumi.com/docs/install), or Go (go.dev/doc/install)."
        )
    say(
        f"Building Pulumi {version.pinned()} with Go instead: 4 to 5 minutes on two cores the first time, "
        "under a minute once Go has it in its cache."
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
