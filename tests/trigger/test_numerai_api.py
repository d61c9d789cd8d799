"""What the trigger asks Numerai, and that no answer, however odd, gets further than one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from trigger import numerai_api
from trigger.http_call import Answer
from trigger.numerai_api import Keys, KeysRefused, Numerai, NumeraiError, Round

KEYS = Keys("public", "secret")
ROUND = {"number": 371, "openTime": "2026-11-27T12:00:00Z", "closeStakingTime": "2026-11-27T13:00:00Z"}
OPENS = 1795780800.0


class Api:
    """Numerai's API with one answer; `asked` holds query, variables and headers."""

    def __init__(self) -> None:
        self.status, self.answer = 200, "{}"
        self.error: OSError | None = None
        self.asked: list[tuple[str, dict[str, Any], Mapping[str, str]]] = []

    def call(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        assert (method, url) == ("POST", "https://api-tournament.numer.ai")
        sent = json.loads(body)
        self.asked.append((sent["query"], sent["variables"], headers))
        if self.error:
            raise self.error
        return Answer(self.status, self.answer.encode())

    def give(self, **data: Any) -> None:
        self.answer = json.dumps({"data": data})


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api()
    monkeypatch.setattr(numerai_api, "call_until_answered", made.call)
    return made


def test_a_round_is_asked_for_without_keys(api: Api) -> None:
    api.give(rounds=[ROUND])
    assert Numerai().find_round("signals") == Round(371, OPENS, OPENS + 3600)
    ((query, variables, headers),) = api.asked
    assert "number: 0" in query
    assert variables == {"tournament": 11}
    assert "Authorization" not in headers
    assert headers["User-Agent"] == "prediction-nodes", "Cloudflare, for one, answers 403 to Python-urllib"


@pytest.mark.parametrize(
    "answer",
    [
        {"errors": [{"message": "Current round not open for submissions"}], "data": {"rounds": None}},
        {"data": {"rounds": [None]}},
        {"data": {"rounds": []}},
        {"data": {"rounds": None}},
    ],
)
def test_between_rounds_there_is_none(api: Api, answer: dict[str, Any]) -> None:
    api.answer = json.dumps(answer)
    assert Numerai().find_round("classic") is None


def test_the_newest_submission_of_the_round_counts(api: Api) -> None:
    def item(at: str, number: int = 371, tournament: int = 8) -> dict[str, Any]:
        return {"insertedAt": at, "round": {"number": number, "tournament": tournament}}

    api.give(
        submissions=[
            item("2026-11-27T12:10:00Z"),
            item("2026-11-27T12:20:00"),
            item("2026-11-27T12:50:00Z", tournament=11),
            item("2026-11-28T12:50:00Z", number=372),
            {"insertedAt": "2026-11-27T12:55:00Z", "round": None},
        ]
    )
    assert Numerai().find_submission("model-1", "classic", 371, KEYS) == OPENS + 1200
    ((_, variables, headers),) = api.asked
    assert variables == {"modelId": "model-1"}
    assert headers["Authorization"] == "Token public$secret"


def test_no_submission_is_none(api: Api) -> None:
    api.give(submissions=[])
    assert Numerai().find_submission("model-1", "classic", 371, KEYS) is None


@pytest.mark.parametrize(("status", "answer"), [(401, ""), (403, "{}"), (200, '{"errors": [{"message": "scope"}]}')])
def test_refused_keys_are_told_from_other_failures(api: Api, status: int, answer: str) -> None:
    api.status, api.answer = status, answer
    with pytest.raises(KeysRefused, match="refused"):
        Numerai().find_submission("model-1", "classic", 371, KEYS)


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, "<html>"),
        (200, "[]"),
        (200, "7"),
        (200, '{"data": null}'),
        (500, "{}"),
        (429, ""),
        (200, '{"data": {}}'),
        (200, '{"data": {"rounds": [{"number": "371"}], "submissions": [{"round": {"number": 371}}]}}'),
        (200, '{"data": {"rounds": [7], "submissions": [7]}}'),
        (200, '{"data": {"rounds": {"number": 1}, "submissions": {"a": 1}}}'),
        (200, '{"data": {"rounds": [{"number": 1, "openTime": "noon", "closeStakingTime": null}], "submissions": 7}}'),
    ],
)
def test_nonsense_is_one_kind_of_error_without_keys(api: Api, status: int, answer: str) -> None:
    api.status, api.answer = status, answer
    with pytest.raises(NumeraiError) as round_error:
        Numerai().find_round("classic")
    with pytest.raises(NumeraiError) as error:
        Numerai().find_submission("model-1", "classic", 371, KEYS)
    assert "secret" not in f"{round_error.value} {error.value}"


def test_silence_is_an_error(api: Api) -> None:
    api.error = TimeoutError("timed out")
    with pytest.raises(NumeraiError, match="did not answer: timed out"):
        Numerai().find_round("classic")


def test_keys_are_not_shown() -> None:
    assert "secret" not in repr(KEYS)
