"""Fixtures: Numerai without a network."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from tests.providers.numerai.wire import Wire


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    made = Wire()
    post: Callable[..., requests.Response] = made.post
    monkeypatch.setattr(requests, "post", post)
    return made
