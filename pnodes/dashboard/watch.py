"""Keeps the answers fresh while somebody looks: each source in a thread of its own, none while no page is open.

The stack is a source as well, so that a node which `pulumi up` adds shows up by itself. Threads are daemons: a cloud
that hangs keeps nobody from ending the program.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pnodes.dashboard.deployment import Deployment
from pnodes.dashboard.sources import CALLS, RUNS, SENT, Answer, Source, sources
from pnodes.scrubbing import Scrubber

_AT_ONCE = 16
_TICK_SECONDS = 0.5
_LOOKED_AT_SECONDS = 45.0  # a page that is open asks every few seconds
_STACK_SECONDS = 120.0


@dataclass(frozen=True)
class Snapshot:
    """What is known at a moment."""

    deployment: Deployment
    scrubber: Scrubber
    answers: dict[str, Answer]
    problems: tuple[str, ...] = ()

    def of(self, kind: str, about: str) -> Answer:
        """An answer; an empty one where nothing was asked yet."""
        return self.answers.get(f"{kind}/{about}", Answer())


@dataclass
class _Timer:
    due: float = 0.0
    busy: bool = False


@dataclass
class Watch:
    """`reload` reads the stack again: None when it is as before. It may raise with a sentence."""

    deployment: Deployment
    reload: Callable[[], Deployment | None]
    clock: Callable[[], float] = time.monotonic
    _timers: dict[str, _Timer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._slots = threading.Semaphore(_AT_ONCE)
        self._looked = self.clock()
        self._reload_due, self._reloading, self._problem = self._looked + _STACK_SECONDS, False, ""
        self._take(self.deployment)

    def _take(self, deployment: Deployment) -> None:
        before = getattr(self, "_sources", {})
        found = sources(deployment)
        for key, source in found.items():
            if key in before:
                source.answer = before[key].answer
        self.deployment, self._sources, self._scrubber = deployment, found, Scrubber(deployment.secrets)
        self._timers = {key: _Timer() for key in found}

    def start(self) -> None:
        """Look from now on."""
        threading.Thread(target=self._run, name="dashboard watch", daemon=True).start()

    def stop(self) -> None:
        """Look no more; whoever follows a log stops too."""
        self.stopping.set()

    def seen(self, anew: bool = False) -> None:
        """A page asked for something; `anew`: it was opened or loaded again, and should see what is true now."""
        with self._lock:
            self._looked = self.clock()
            if anew:
                for timer in self._timers.values():
                    timer.due = min(timer.due, self._looked)

    def snapshot(self) -> Snapshot:
        """What is known now."""
        with self._lock:
            answers = {key: source.answer for key, source in self._sources.items()}
            problems = (self._problem,) if self._problem else ()
            return Snapshot(self.deployment, self._scrubber, answers, problems)

    def _run(self) -> None:
        while not self.stopping.wait(_TICK_SECONDS):
            self.tick()

    def tick(self) -> None:
        """Ask what is due, in threads."""
        now = self.clock()
        with self._lock:
            if now - self._looked > _LOOKED_AT_SECONDS:
                return
            due = [source for key, source in self._sources.items() if self._claim(self._timers[key], now)]
            again = now >= self._reload_due and not self._reloading
            self._reloading = self._reloading or again
        for source in due:
            threading.Thread(target=self._look, args=(source, self._timers[source.key]), daemon=True).start()
        if again:
            threading.Thread(target=self._read_again, daemon=True).start()

    @staticmethod
    def _claim(timer: _Timer, now: float) -> bool:
        if timer.busy or now < timer.due:
            return False
        timer.busy = True
        return True

    def _look(self, source: Source, timer: _Timer) -> None:
        before = source.answer.value
        with self._slots:
            source.look()
        with self._lock:
            now = self.clock()
            timer.busy, timer.due = False, now + source.seconds
            if source.kind == RUNS and source.answer.value != before:
                # A run began or ended: its call and its submission are there to be seen.
                for kind in (CALLS, SENT):
                    if (other := self._timers.get(f"{kind}/{source.about}")) is not None:
                        other.due = now

    def _read_again(self) -> None:
        problem, found = "", None
        try:
            found = self.reload()
        except Exception as error:  # noqa: BLE001 - whatever the engine says is told on the page, which stays as it is
            problem = f"The stack could not be read again: {error}"
        with self._lock:
            self._problem = problem
            if found is not None:
                self._take(found)
            self._reloading, self._reload_due = False, self.clock() + _STACK_SECONDS


def look_once(deployment: Deployment) -> Snapshot:
    """Every question asked once, side by side."""
    found = sources(deployment)
    slots = threading.Semaphore(_AT_ONCE)

    def look(source: Source) -> None:
        with slots:
            source.look()

    threads = [threading.Thread(target=look, args=(source,), daemon=True) for source in found.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Snapshot(deployment, Scrubber(deployment.secrets), {key: source.answer for key, source in found.items()})
