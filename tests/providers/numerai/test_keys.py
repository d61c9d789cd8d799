"""An account's keys come from the configuration or, failing that, the environment; errors name the missing key."""

import pytest

from providers.numerai.keys import Keys, NoKeys, read_keys

SETTINGS = {"numerai-public-id": "a", "numerai-secret": "b", "numerai-public-id-fund": "c"}


def test_the_configuration_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMERAI_PUBLIC_ID", "x")
    monkeypatch.setenv("NUMERAI_SECRET_KEY", "y")
    assert read_keys(None, SETTINGS.get) == Keys("a", "b")
    assert read_keys(None, lambda _: None) == Keys("x", "y")


def test_a_named_account_has_keys_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMERAI_SECRET_KEY", "of the unnamed one")
    monkeypatch.delenv("NUMERAI_SECRET_KEY_FUND", raising=False)
    with pytest.raises(NoKeys, match="numerai-secret-fund") as caught:
        read_keys("fund", SETTINGS.get)
    assert "of the account fund" in str(caught.value)
    assert "NUMERAI_SECRET_KEY_FUND" in str(caught.value)
    monkeypatch.setenv("NUMERAI_SECRET_KEY_FUND", "d")
    assert read_keys("fund", SETTINGS.get) == Keys("c", "d")


def test_a_key_with_a_character_that_no_header_can_carry_is_refused_without_showing_it() -> None:
    values = {"numerai-public-id": "ID", "numerai-secret": "KEY…"}
    with pytest.raises(NoKeys, match=r"`numerai-secret` \(or NUMERAI_SECRET_KEY\) contains a character") as caught:
        read_keys(None, values.get)
    assert "KEY…" not in str(caught.value)
