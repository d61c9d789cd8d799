"""A simulated clock: tasks run one at a time, and time passes only while all of them wait.

A task is an ordinary function, such as a call of a deployed trigger. It runs in a thread, because the deployed code
waits in the middle of its work. `sleep` hands over to the task whose time comes first, so the tasks interleave in the
order of their simulated times, and the same season always runs in the same order.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

Task = Callable[[], None]


class _Thread:
    """A thread that runs tasks one after the other, and sleeps while it has none or its task waits."""

    def __init__(self) -> None:
        self.go = threading.Lock()
        self.go.acquire()
        self.task: Task | None = None


class Clock:
    """The simulated time, in seconds since 1970."""

    def __init__(self, now: float) -> None:
        self.now = now
        self.owner: Any = None
        """What the running task belongs to (`functions.Call`); each task has its own."""
        self._waiting: list[tuple[float, int, _Thread | Task]] = []
        self._idle: list[_Thread] = []
        self._numbers = count()
        self._main = _Thread()
        self._current = self._main
        self._error: BaseException | None = None

    def at(self, when: float, task: Task) -> None:
        """Run a task at a time, or now if the time has passed."""
        heapq.heappush(self._waiting, (max(when, self.now), next(self._numbers), task))

    def run(self) -> None:
        """Run until no task is left. Raises what a task raised."""
        self._hand_over(self._main)
        if self._error:
            raise self._error

    def sleep(self, seconds: float) -> None:
        """Let time pass for the running task."""
        when = self.now + seconds
        if not self._waiting or self._waiting[0][0] > when:  # nothing happens in between
            self.now = when
            return
        me, owner = self._current, self.owner
        heapq.heappush(self._waiting, (when, next(self._numbers), me))
        self._hand_over(me)
        self.owner = owner

    def run_all(self, tasks: Iterable[Task]) -> None:
        """Run tasks at the same time, and wait until all have ended."""
        me, owner, left = self._current, self.owner, [0]

        def follow(task: Task) -> None:
            self.owner = owner
            try:
                task()
            finally:
                left[0] -= 1
                if not left[0]:
                    heapq.heappush(self._waiting, (self.now, next(self._numbers), me))

        for task in tasks:
            left[0] += 1
            self.at(self.now, lambda task=task: follow(task))  # type: ignore[misc]
        if left[0]:
            self._hand_over(me)
        self.owner = owner

    def _hand_over(self, me: _Thread) -> None:
        """Run the task whose time comes first, and return when `me` is the one."""
        thread = self._choose()
        if thread is not me:
            thread.go.release()
            me.go.acquire()

    def _choose(self) -> _Thread:
        if not self._waiting or self._error:
            self._current = self._main
            return self._main
        self.now, _, entry = heapq.heappop(self._waiting)
        if isinstance(entry, _Thread):
            self._current = entry
            return entry
        if self._idle:
            thread = self._idle.pop()
        else:
            thread = _Thread()
            threading.Thread(target=self._work, args=(thread,), daemon=True).start()
        thread.task = entry
        self._current = thread
        return thread

    def _work(self, me: _Thread) -> None:
        while True:
            me.go.acquire()
            thread = me
            while thread is me:
                task, me.task, self.owner = me.task, None, None
                assert task
                try:
                    task()
                except BaseException as error:  # noqa: BLE001 - `run` raises it
                    self._error = self._error or error
                self._idle.append(me)
                thread = self._choose()
            thread.go.release()  # from here on, another thread may give this one a task


class Pool:
    """Takes the place of the thread pool in `trigger.watch`: its threads are tasks of the clock."""

    def __init__(self, clock: Clock, workers: int) -> None:
        self._clock, self._workers = clock, workers

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def map(self, function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        """Return the results in order. Raises the first error."""
        queue: Iterator[tuple[int, Any]] = iter(enumerate(items))
        results: dict[int, Any] = {}
        errors: list[BaseException] = []

        def work() -> None:
            for index, item in queue:
                try:
                    results[index] = function(item)
                except BaseException as error:  # noqa: BLE001 - raised below
                    errors.append(error)
                    return

        self._clock.run_all(work for _ in range(self._workers))
        if errors:
            raise errors[0]
        return [results[index] for index in sorted(results)]
