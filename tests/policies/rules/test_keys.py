"""Strings that look like a key, and values of secret settings in any form, are rejected unless they are secret."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest

from tests.policies.single_rule import run_rule

PUBLIC_ID, SECRET_KEY = "CKTYXQLP2SCZUPTQ5UHVZFNQ2YBVPSKR", "K7" * 32
FUNCTION = "aws:lambda/function:Function"
OWN = "a value/of my+own"


@pytest.mark.parametrize("text", [PUBLIC_ID, SECRET_KEY, f"--id {PUBLIC_ID} --more", f'{{"key": "{SECRET_KEY}"}}'])
def test_strings_that_look_like_a_key(text: str) -> None:
    (sentence,) = run_rule("no-plaintext-key", FUNCTION, {"environment": {"variables": {"KEY": text}}})
    assert sentence.startswith("environment.variables.KEY contains plain text that looks like a Numerai API key")
    assert text not in sentence


@pytest.mark.parametrize(
    "text",
    [
        "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01",
        "0123456789ABCDEF" * 4,
        "sha256:" + "a1" * 32,
        "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF",
        base64.b64encode(bytes(range(256))).decode(),
        "arn:aws:s3:::bucket/claims/alpha/*",
    ],
)
def test_strings_that_do_not(text: str) -> None:
    assert run_rule("no-plaintext-key", FUNCTION, {"description": text}) == []


@pytest.mark.parametrize("form", [OWN, base64.b64encode(OWN.encode()).decode(), quote(OWN, safe="")])
def test_the_value_of_a_secret_setting(form: str) -> None:
    secrets = frozenset({OWN})
    props = {"source": {"assets": {"index.py": {"text": f"KEY = '{form}'"}}}}
    (sentence,) = run_rule("no-plaintext-key", FUNCTION, props, secrets=secrets)
    assert sentence.startswith("source.assets.index.py.text contains the value of a secret setting")
    assert OWN not in sentence
    assert run_rule("no-plaintext-key", FUNCTION, {"description": "other"}, secrets=secrets) == []


def test_secret_values_may_contain_keys() -> None:
    props = {"secretString": SECRET_KEY, "list": [{"value": OWN}], "listing": OWN}
    type_ = "aws:secretsmanager/secretVersion:SecretVersion"
    sentences = run_rule("no-plaintext-key", type_, props, secret=("secretString", "list"), secrets=frozenset({OWN}))
    assert [sentence.split()[0] for sentence in sentences] == ["listing"]


def test_short_secrets_are_not_searched_for() -> None:
    assert run_rule("no-plaintext-key", FUNCTION, {"description": "true"}, secrets=frozenset({"true"})) == []
