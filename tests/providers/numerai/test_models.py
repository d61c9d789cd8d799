"""Model names are looked up through numerapi; the error for an unknown name suggests a similar one."""

from __future__ import annotations

from typing import Any

import pytest
from numerapi.base_api import Api

from providers.numerai.keys import Keys
from providers.numerai.models import LookUpFailed, ModelIdsProvider, look_up


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    asked: list[int] = []

    def get_models(self: Any, tournament: int) -> dict[str, str]:
        asked.append(tournament)
        return {8: {"alpha_model": "id-1", "beta_model": "id-2"}, 11: {"signal_model": "id-3"}}[tournament]

    monkeypatch.setattr(Api, "get_models", get_models)
    return asked


def test_names_of_a_tournament_are_asked_for_in_one_go(account: list[int]) -> None:
    found = look_up(["classic/alpha_model", "signals/signal_model", "classic/beta_model"], Keys("a", "b"))
    assert found == {"classic/alpha_model": "id-1", "classic/beta_model": "id-2", "signals/signal_model": "id-3"}
    assert account == [8, 11]


def test_a_near_miss_is_told(account: list[int]) -> None:
    with pytest.raises(LookUpFailed, match=r'no classic model "alpha_modle"; did you mean "alpha_model"\?'):
        look_up(["classic/alpha_modle"], Keys("a", "b"))
    with pytest.raises(LookUpFailed, match="it has: signal_model"):
        look_up(["signals/zzz"], Keys("a", "b"))


def test_names_that_are_known_are_not_asked_for_again() -> None:
    provider = ModelIdsProvider()
    known = {"names": ["classic/a", "classic/b"], "ids": {}}
    assert provider.diff("", known, {"names": ["classic/b", "classic/a"]}).changes is False
    assert provider.diff("", known, {"names": ["classic/a"]}).changes is True
