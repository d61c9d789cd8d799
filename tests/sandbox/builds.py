"""Difficult conditions for builds: lost answers, and builds that wait for the test."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from sandbox.aws.cloud import AwsCloud
from sandbox.azure.cloud import AzureCloud
from sandbox.calls import Call, Reply, serve
from sandbox.cloud import Cloud
from sandbox.gcp.cloud import GcpCloud


def lose_first_answers(cloud: AwsCloud | AzureCloud | GcpCloud) -> list[str]:
    """Lose the first answer to each kind of call after the call has taken effect; return the list of those calls."""
    lost: list[str] = []

    def answer(call: Call) -> Reply:
        reply = cloud.answer(call)
        kind = f"{call.method} {call.host} {call.headers.get('x-amz-target', '')}"
        if kind in lost or reply.status >= 400:
            return reply
        lost.append(kind)
        return Reply(503, b'{"error": {"code": "ServerBusy", "message": "try again"}}', {"retry-after": "0"})

    cloud.app = serve(answer)
    return lost


def hold_builds(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Make builds wait for the returned event, at most for a minute."""
    gate, build = threading.Event(), cloud.kernel.images.build

    def held(*arguments: Any) -> str:
        gate.wait(60)
        return build(*arguments)

    monkeypatch.setattr(cloud.kernel.images, "build", held)
    return gate
