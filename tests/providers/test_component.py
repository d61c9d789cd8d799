"""There is one URL-safe token for each node and model, and triggers get only its hash."""

from __future__ import annotations

import re

from providers.component import derive_token

KEY = "k" * 43
MODEL = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01"


def test_a_token_is_url_safe_and_long_enough_not_to_be_guessed() -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", derive_token(KEY, "alpha", MODEL))


def test_it_is_stable_and_depends_on_key_node_and_model() -> None:
    tokens = {
        derive_token(KEY, "alpha", MODEL),
        derive_token(KEY, "alpha", MODEL.upper()),
        derive_token("other", "alpha", MODEL),
        derive_token(KEY, "beta", MODEL),
        derive_token(KEY, "alpha", MODEL.replace("1", "2")),
        derive_token(KEY, "alph", "a" + MODEL),
    }
    assert len(tokens) == 5
