"""Follows a build in the cloud to its end: its log in the engine's output, never silence, cancelled when `up` is.

The cloud's side is a `Builder`; a lost connection while looking fails nothing, since the build does not notice it.
"""

from __future__ import annotations

import abc
import time
from typing import Any

from providers.cancellation import cancelled
from providers.refusal import Refusal

_LAST_LINES = 30
_SILENCE_SECONDS = 30.0
# So long may a cloud not answer before the build is given up.
_UNANSWERED_SECONDS = 600.0


class BuildFailed(Refusal):
    """The build ended without an image; the text is the reason followed by the log's last lines."""


class Lost(BuildFailed):
    """The build goes on without anybody who looks; the text says why."""

    def __init__(self, props: dict[str, Any], why: object) -> None:
        super().__init__(
            f"the build of {props['node']} goes on in the cloud, but this `up` cannot follow it any longer: {why}. Run "
            "`pulumi up` again in a while: it takes the image if it is there by then."
        )


class Unanswered(Exception):
    """The cloud did not answer, or not for now (5xx, throttling, a lost connection); the text says which call."""


class BuildLog(abc.ABC):
    """A build's log, which grows while it runs; one that cannot be had never fails a build."""

    lag_seconds = 0.0
    """How long lines take until they can be read."""

    @abc.abstractmethod
    def new_lines(self, last: bool = False) -> list[str]:
        """What has come since the last call; nothing where it cannot be read. After `last` nobody asks again."""


class Builder(abc.ABC):
    """What following a build takes of a cloud."""

    client_errors: tuple[type[Exception], ...] = ()
    """What the cloud's client raises; said to the user as it is."""
    poll_seconds: float = 3.0
    max_seconds: float = 3600.0
    """How long a build may take, the wait for its place included."""

    @abc.abstractmethod
    def look(self, props: dict[str, Any], build_id: str) -> str | None:
        """None while the build runs, then the image's digest (sha256:HEX).

        Raises BuildFailed with the reason once it has ended without one, and Unanswered.
        """

    @abc.abstractmethod
    def cancel(self, props: dict[str, Any], build_id: str) -> None:
        """Stop a build."""

    @abc.abstractmethod
    def log(self, props: dict[str, Any], build_id: str) -> BuildLog:
        """The build's log from its beginning."""


def say(props: dict[str, Any], line: str) -> None:
    """A line of a node's build in the engine's output."""
    print(f"{props['node']}: {line}".encode("utf-8", "replace").decode(), flush=True)


def follow(builder: Builder, props: dict[str, Any], build_id: str) -> str:
    """The digest that a build ends with. Raises BuildFailed, with the log's last lines."""
    return _Following(builder, props, build_id).digest()


class _Following:
    def __init__(self, builder: Builder, props: dict[str, Any], build_id: str) -> None:
        self._builder, self._props, self._id = builder, props, build_id
        self._log, self._lines = builder.log(props, build_id), list[str]()
        self._began = self._said = self._answered = time.monotonic()

    def digest(self) -> str:
        while True:
            try:
                digest = self._look()
            except Lost:
                raise
            except BuildFailed as error:
                if self._log.lag_seconds:
                    cancelled.wait(self._log.lag_seconds)
                self._print(last=True)
                # The same kind of failure, so that who started the build can tell them apart.
                what = f"the build of {self._props['node']} ended: {error}"
                raise type(error)("\n".join([what, *self._lines[-_LAST_LINES:]])) from None
            self._print(last=digest is not None)
            if digest is not None:
                return digest
            if time.monotonic() - self._began > self._builder.max_seconds:
                self._stop()
                minutes = f"{self._builder.max_seconds / 60:.0f} minutes"
                raise BuildFailed(
                    "\n".join(
                        [f"the build of {self._props['node']} took longer than {minutes}", *self._lines[-_LAST_LINES:]]
                    )
                )
            if cancelled.wait(self._builder.poll_seconds):
                self._stop()
                raise BuildFailed(
                    f"the build of {self._props['node']} was cancelled with the update; the next `pulumi up` builds it"
                )

    def _look(self) -> str | None:
        try:
            digest = self._builder.look(self._props, self._id)
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
            self._said = now
        if now - self._said >= _SILENCE_SECONDS:
            self._said = now
            say(self._props, f"the build has been running for {now - self._began:.0f} s")

    def _stop(self) -> None:
        try:
            self._builder.cancel(self._props, self._id)
        except Exception as error:  # noqa: BLE001 - whatever it is, the update is being cancelled and has to end
            say(self._props, f"the build could not be cancelled and ends by itself: {error}")
        else:
            say(self._props, "the build is cancelled")
