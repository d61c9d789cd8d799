"""Fixtures: Numerai without a network."""

from __future__ import annotations

import pytest
import requests

from tests.providers.numerai.wire import Wire


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()
    monkeypatch.setattr(requests.Session, "post", lambda _session, url, **sent: made.post(url, **sent))
    return made
