"""Follows a build in the cloud to its end, prints its log, and cancels it if `up` is cancelled.

Each cloud implements a `Builder`. A lost connection while polling does not fail the build.
"""

from __future__ import annotations

import abc
import time
from typing import Any

from providers.cancellation import cancelled
from providers.refusal import Refusal

_LAST_LINES = 30
_SILENCE_SECONDS = 30.0
# The longest time without an answer from the cloud.
_UNANSWERED_SECONDS = 600.0


class BuildFailed(Refusal):
    """The build ended without an image; the message is the reason, followed by the last lines of the log."""


class Lost(BuildFailed):
    """The build continues, but this `up` cannot follow it any longer; the message says why."""

    def __init__(self, props: dict[str, Any], why: object) -> None:
        super().__init__(
            f"the build of {props['node']} continues in the cloud, but this `up` cannot follow it any longer: {why}. "
            "Run `pulumi up` again later: it uses the image if the build has finished by then."
        )


class Unanswered(Exception):
    """The cloud gave no usable answer (5xx, throttling, a lost connection); the message names the call."""


class BuildLog(abc.ABC):
    """The growing log of a running build. A log that cannot be read does not fail the build."""

    lag_seconds = 0.0
    """The delay until lines can be read."""

    @abc.abstractmethod
    def new_lines(self, last: bool = False) -> list[str]:
        """Return the lines since the last call; none if the log cannot be read. `last` marks the final call."""


class Builder(abc.ABC):
    """A cloud's operations for following a build."""

    client_errors: tuple[type[Exception], ...] = ()
    """Exceptions of the cloud's client; their text is shown to the user unchanged."""
    poll_seconds: float = 3.0
    max_seconds: float = 3600.0
    """How long a build may take, including its time in the queue."""

    @abc.abstractmethod
    def poll(self, props: dict[str, Any], build_id: str) -> str | None:
        """Return the image's digest (sha256:HEX) when the build has finished, and None while it is running.

        Raises BuildFailed with the reason if the build ended without an image, and Unanswered.
        """

    @abc.abstractmethod
    def cancel(self, props: dict[str, Any], build_id: str) -> None:
        """Stop a build."""

    @abc.abstractmethod
    def log(self, props: dict[str, Any], build_id: str) -> BuildLog:
        """Return the build's log from its beginning."""


def say(props: dict[str, Any], line: str) -> None:
    """Print a line about a node's build to the engine's output."""
    print(f"{props['node']}: {line}".encode("utf-8", "replace").decode(), flush=True)


def follow(builder: Builder, props: dict[str, Any], build_id: str) -> str:
    """Follow a build to its end and return the image's digest. Raises BuildFailed with the last lines of the log."""
    return _Follower(builder, props, build_id).run()


class _Follower:
    def __init__(self, builder: Builder, props: dict[str, Any], build_id: str) -> None:
        self._builder, self._props, self._id = builder, props, build_id
        self._log, self._lines = builder.log(props, build_id), list[str]()
        self._began = self._printed = self._answered = time.monotonic()

    def run(self) -> str:
        while True:
            try:
                digest = self._poll()
            except Lost:
                raise
            except BuildFailed as error:
                if self._log.lag_seconds:
                    cancelled.wait(self._log.lag_seconds)
                self._print(last=True)
                # Keep the type, so that the caller can tell failures apart.
                reason = f"the build of {self._props['node']} ended: {error}"
                raise type(error)(self._append_log(reason)) from None
            self._print(last=digest is not None)
            if digest is not None:
                return digest
            if time.monotonic() - self._began > self._builder.max_seconds:
                self._stop()
                minutes = f"{self._builder.max_seconds / 60:.0f} minutes"
                raise BuildFailed(self._append_log(f"the build of {self._props['node']} took longer than {minutes}"))
            if cancelled.wait(self._builder.poll_seconds):
                self._stop()
                raise BuildFailed(
                    f"the build of {self._props['node']} was cancelled with the update; the next `pulumi up` builds it"
                )

    def _append_log(self, reason: str) -> str:
        return "\n".join([reason, *self._lines[-_LAST_LINES:]])

    def _poll(self) -> str | None:
        try:
            digest = self._builder.poll(self._props, self._id)
        except Unanswered as error:
            if time.monotonic() - self._answered > _UNANSWERED_SECONDS:
                raise Lost(self._props, error) from error
            return None
        except self._builder.client_errors as error:
            raise Lost(self._props, error) from error
        self._answered = time.monotonic()
        return digest

    def _print(self, last: bool = False) -> None:
        now = time.monotonic()
        for line in self._log.new_lines(last):
            self._lines.append(line)
            say(self._props, line)
            self._printed = now
        if now - self._printed >= _SILENCE_SECONDS:
            self._printed = now
            say(self._props, f"the build has been running for {now - self._began:.0f} s")

    def _stop(self) -> None:
        try:
            self._builder.cancel(self._props, self._id)
        except Exception as error:  # noqa: BLE001 - no error may keep a cancelled update from ending
            say(self._props, f"the build could not be cancelled and continues in the cloud: {error}")
        else:
            say(self._props, "the build was cancelled")
