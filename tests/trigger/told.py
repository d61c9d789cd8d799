"""A watched region whose alerts are collected instead of sent."""

from __future__ import annotations

import pytest

from tests.trigger.watched import WATCHED, World
from trigger import alerts
from trigger.alert_channels import Alert, AlertError
from trigger.alerts import Alerts
from trigger.job_runs import JobRun
from trigger.starts import StartError
from trigger.table import Row
from trigger.watch import Watch

TOLD = WATCHED._replace(alerts="3600 webhook=addresses#chat")
ADDRESS = "https://chat.example.com/hook?key=hidden"


class Evidence:
    """A cloud whose logs have one line."""

    def __init__(self) -> None:
        self.lines = ["Traceback", "ValueError: no data"]

    def read_log(self, row: Row, run: JobRun) -> list[str]:
        if not self.lines:
            raise StartError("403 not authorized")
        return self.lines

    def link(self, row: Row, run: JobRun | None) -> str:
        return f"https://console.example.com/{run.job if run else ''}"


class Told(World):
    """A region whose alerts are collected instead of sent; `fails` refuses them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, row: Row = TOLD, heartbeat: str = "") -> None:
        super().__init__(row)
        self.sent: list[Alert] = []
        self.mails: list[tuple[str, Alert]] = []
        self.beats: list[str] = []
        self.fails = ""
        self.evidence = Evidence()
        monkeypatch.setattr(alerts, "post_alert", self._post)
        monkeypatch.setattr(alerts, "send", lambda method, address: self.beats.append(f"{method} {address}"))
        self.restart(heartbeat)

    def restart(self, heartbeat: str = "") -> None:
        """Start a new process, which remembers nothing."""
        self.alerts = Alerts(
            self.trigger, self.evidence, self._read, lambda *mail: self.mails.append(mail), lambda: self.clock
        )
        self.watch = Watch(
            self.trigger,
            self.cluster,
            self.numerai,
            self.read_keys,
            lambda: self.clock,
            open_alerts=lambda: self.alerts,
            heartbeats=heartbeat.split(),
        )

    def _read(self, reference: str) -> str:
        assert reference in ("addresses#chat", "addresses#beat")
        return ADDRESS

    def _post(self, address: str, alert: Alert) -> None:
        assert address == ADDRESS
        if self.fails:
            raise AlertError(self.fails)
        self.sent.append(alert)

    @property
    def events(self) -> list[str]:
        return [alert.event for alert in self.sent]
