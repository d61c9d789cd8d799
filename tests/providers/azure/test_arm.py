"""Calls of Resource Manager are signed, retried after temporary errors, and otherwise fail with Azure's message."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from providers.azure.arm import Arm, ArmError
from providers.azure.registration import RegistrationError, RegistrationProvider
from providers.azure.services import SERVICES

Answers = Callable[..., list[httpx.Request]]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Make Azure give these answers in order. Returns the list of requests."""
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _seconds: None)

    def give(*responses: httpx.Response | Exception) -> list[httpx.Request]:
        seen: list[httpx.Request] = []
        left = list(responses)

        def answer(request: httpx.Request) -> httpx.Response:
            seen.append(request)
            found = left.pop(0)
            if isinstance(found, Exception):
                raise found
            return found

        client = functools.partial(httpx.Client, transport=httpx.MockTransport(answer))
        monkeypatch.setattr(httpx, "Client", client)
        return seen

    return give


def error(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"error": {"code": code, "message": "because"}})


def test_a_call_is_signed_and_names_its_version(answers: Answers) -> None:
    seen = answers(httpx.Response(200, json={"a": 1}))
    assert Arm("token").get("/subscriptions/s", "2021-04-01") == {"a": 1}
    assert str(seen[0].url) == "https://management.azure.com/subscriptions/s?api-version=2021-04-01"
    assert seen[0].headers["authorization"] == "Bearer token"


@pytest.mark.parametrize(
    "passing", [error(429, "TooMany"), error(503, "Busy"), httpx.ConnectError("reset"), httpx.ReadTimeout("late")]
)
def test_what_passes_is_tried_again(answers: Answers, passing: Any) -> None:
    seen = answers(passing, httpx.Response(200, json={}))
    Arm("token").get("/x", "v")
    assert len(seen) == 2


def test_what_stays_is_an_error_with_azure_s_words(answers: Answers) -> None:
    answers(*[error(503, "Busy")] * 6)
    with pytest.raises(ArmError, match=r"GET https://management.azure.com/x: HTTP 503 Busy: because"):
        Arm("token").get("/x", "v")


def test_a_refusal_is_not_tried_again(answers: Answers) -> None:
    seen = answers(error(403, "AuthorizationFailed"))
    with pytest.raises(ArmError, match="HTTP 403 AuthorizationFailed: because"):
        Arm("token").post("/x", "v")
    assert len(seen) == 1


def test_an_answer_that_comes_later_is_waited_for(answers: Answers) -> None:
    later = httpx.Response(202, headers={"Location": "https://management.azure.com/later"})
    seen = answers(later, httpx.Response(202), httpx.Response(200, json={"done": True}))
    assert Arm("token").post("/x", "v", {"a": 1}) == {"done": True}
    assert [request.method for request in seen] == ["POST", "GET", "GET"]


PROPS = {"subscription": "s", "services": ["Microsoft.App"], "token": "token"}
STATE = "registrationState"


def test_a_service_that_is_on_is_left_alone(answers: Answers) -> None:
    seen = answers(httpx.Response(200, json={STATE: "Registered"}))
    outputs = RegistrationProvider().create(PROPS).outs
    assert outputs == {"subscription": "s", "services": ["Microsoft.App"]}
    assert len(seen) == 1


def test_a_service_is_switched_on_and_waited_for(answers: Answers) -> None:
    states = ["NotRegistered", "Registering", "Registering", "Registered"]
    seen = answers(*(httpx.Response(200, json={STATE: state}) for state in states))
    RegistrationProvider().create(PROPS)
    assert [request.method for request in seen] == ["GET", "POST", "GET", "GET"]
    assert seen[1].url.path == "/subscriptions/s/providers/Microsoft.App/register"


def test_who_may_not_switch_it_on_is_told_what_its_owner_can_do(answers: Answers) -> None:
    answers(httpx.Response(200, json={STATE: "NotRegistered"}), error(403, "AuthorizationFailed"))
    with pytest.raises(RegistrationError, match=r"az provider register --namespace Microsoft\.App"):
        RegistrationProvider().create(PROPS)


def test_the_day_s_token_is_no_change() -> None:
    provider = RegistrationProvider()
    assert not provider.diff("", PROPS, {**PROPS, "token": "another"}).changes
    assert provider.diff("", PROPS, {**PROPS, "services": list(SERVICES)}).changes
