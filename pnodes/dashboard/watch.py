"""Refresh the answers while a page is open: each source in its own thread, details only of nodes that are looked at.

The stack is read again too, so that nodes added by `pulumi up` appear without a restart. The threads are daemons, so
that a cloud that does not answer cannot keep the program from ending.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pnodes.dashboard.deployment import Deployment
from pnodes.dashboard.sources import CALLS, DETAILS, HISTORY, RUNS, SENT, Answer, Source, list_sources
from pnodes.scrubbing import Scrubber

_AT_ONCE = 16
_TICK_SECONDS = 0.5
_READER_SECONDS = 45.0  # an open page asks every few seconds
_STACK_SECONDS = 120.0


@dataclass(frozen=True)
class Snapshot:
    """The answers at one moment."""

    deployment: Deployment
    scrubber: Scrubber
    answers: dict[str, Answer]
    problems: tuple[str, ...] = ()

    def of(self, kind: str, about: str) -> Answer:
        """Return the answer of a source; an empty one if there is none yet."""
        return self.answers.get(f"{kind}/{about}", Answer())


@dataclass
class _Timer:
    due: float = 0.0
    busy: bool = False


@dataclass
class Watch:
    """Keeps the answers of a deployment fresh.

    `reload` reads the stack again and returns None if it is unchanged. It may raise with a message for the user.
    """

    deployment: Deployment
    reload: Callable[[], Deployment | None]
    clock: Callable[[], float] = time.monotonic
    _timers: dict[str, _Timer] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._slots = threading.Semaphore(_AT_ONCE)
        self._last_read = self.clock()
        self._reload_due, self._reloading, self._problem = self._last_read + _STACK_SECONDS, False, ""
        self._opened: dict[str, float] = {}
        self._sources: dict[str, Source] = {}
        self._adopt(self.deployment)

    def _adopt(self, deployment: Deployment) -> None:
        sources = list_sources(deployment)
        before = _join_answers(self._sources)
        for source in sources.values():
            source.answers = {key: before.get(key, answer) for key, answer in source.answers.items()}
        self.deployment, self._sources, self._scrubber = deployment, sources, Scrubber(deployment.secrets)
        self._timers = {key: _Timer() for key in sources}

    def start(self) -> None:
        """Begin refreshing the answers."""
        threading.Thread(target=self._run, name="dashboard watch", daemon=True).start()

    def stop(self) -> None:
        """Stop refreshing; requests that follow a log end too."""
        self.stopping.set()

    def note_reader(self, page_loaded: bool = False, opened: str = "") -> None:
        """Note that a page is open, and whose details it shows.

        If it has just been loaded, refresh every answer at once.
        """
        with self._lock:
            self._last_read = self.clock()
            if opened in self.deployment.nodes:
                self._opened[opened] = self._last_read
            if page_loaded:
                for timer in self._timers.values():
                    timer.due = min(timer.due, self._last_read)

    def snapshot(self) -> Snapshot:
        """Return the current answers."""
        with self._lock:
            answers = _join_answers(self._sources)
            problems = (self._problem,) if self._problem else ()
            return Snapshot(self.deployment, self._scrubber, answers, problems)

    def _run(self) -> None:
        while not self.stopping.wait(_TICK_SECONDS):
            self.tick()

    def tick(self) -> None:
        """Refresh the sources that are due, each in a thread."""
        now = self.clock()
        with self._lock:
            if now - self._last_read > _READER_SECONDS:
                return
            opened = {name for name, at in self._opened.items() if now - at <= _READER_SECONDS}
            shown = [key for key, source in self._sources.items() if _is_shown(source, opened)]
            due = [self._sources[key] for key in shown if self._claim(self._timers[key], now)]
            reload_due = now >= self._reload_due and not self._reloading
            self._reloading = self._reloading or reload_due
        for source in due:
            threading.Thread(target=self._refresh, args=(source, self._timers[source.key]), daemon=True).start()
        if reload_due:
            threading.Thread(target=self._reload, daemon=True).start()

    @staticmethod
    def _claim(timer: _Timer, now: float) -> bool:
        if timer.busy or now < timer.due:
            return False
        timer.busy = True
        return True

    def _refresh(self, source: Source, timer: _Timer) -> None:
        before = source.answers
        with self._slots:
            source.refresh()
        with self._lock:
            now = self.clock()
            timer.busy, timer.due = False, now + source.seconds
            if source.kind == RUNS and _read_values(source.answers) != _read_values(before):
                # A run began or ended, so its call, its submission or its record may be there now.
                name = source.key.partition("/")[2]
                for related in self._sources.values():
                    if related.answers.keys() & {f"{kind}/{name}" for kind in (CALLS, SENT, HISTORY)}:
                        self._timers[related.key].due = now

    def _reload(self) -> None:
        problem, deployment = "", None
        try:
            deployment = self.reload()
        except Exception as error:  # noqa: BLE001 - the page shows the engine's error and stays open
            problem = f"The stack could not be read again: {error}"
        with self._lock:
            self._problem = problem
            if deployment is not None:
                self._adopt(deployment)
            self._reloading, self._reload_due = False, self.clock() + _STACK_SECONDS


def _is_shown(source: Source, opened: set[str]) -> bool:
    return source.kind not in DETAILS or source.key.partition("/")[2] in opened


def _join_answers(sources: Mapping[str, Source]) -> dict[str, Answer]:
    return {key: answer for source in sources.values() for key, answer in source.answers.items()}


def _read_values(answers: Mapping[str, Answer]) -> list[Any]:
    return [answer.value for answer in answers.values()]


def query_once(deployment: Deployment) -> Snapshot:
    """Query every source once, in parallel."""
    sources = list_sources(deployment)
    slots = threading.Semaphore(_AT_ONCE)

    def refresh(source: Source) -> None:
        with slots:
            source.refresh()

    threads = [threading.Thread(target=refresh, args=(source,), daemon=True) for source in sources.values()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Snapshot(deployment, Scrubber(deployment.secrets), _join_answers(sources))
