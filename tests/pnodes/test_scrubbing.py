"""Secrets are removed in every encoding; other words stay readable."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pnodes import scrubbing
from pnodes.scrubbing import Scrubber

SECRETS = ("hunter2hunter2", 'with "quotes" & <marks>', "short")
SECRET = 'k9/Zq+b=7Hs&x w"v'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        quote(SECRET, safe=""),
        base64.b64encode(f"id:{SECRET}".encode()).decode(),
        base64.b64encode(f"user:{SECRET}:more".encode()).decode(),
        base64.urlsafe_b64encode(f"u:{SECRET}".encode()).decode(),
    ],
)
def test_a_secret_is_found_in_every_form(form: str) -> None:
    shown = Scrubber([SECRET]).scrub(f"before {form} after")
    assert scrubbing.HIDDEN in shown
    assert form not in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


def test_colours_do_not_hide_a_secret() -> None:
    assert Scrubber(["a-secret-word"]).scrub("\x1b[31ma-sec\x1b[0mret-word\x1b]8;;x\x07!") == "***!"


def test_each_line_of_a_key_file_is_secret() -> None:
    key = "-----BEGIN-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7\n-----END-----"
    shown = Scrubber([key]).scrub("  MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n")
    assert shown == "  ***\n"


def test_short_words_stay() -> None:
    assert Scrubber(["live", "", "eastus"]).scrub("live in eastus") == "live in eastus"


@given(st.lists(st.text(min_size=8, max_size=20), max_size=4), st.text(max_size=60))
def test_no_known_secret_is_left_and_nothing_grows(secrets: list[str], text: str) -> None:
    told = text + "".join(f"|{secret}|" for secret in secrets)
    shown = Scrubber(secrets).scrub(told)
    assert len(shown) <= len(told)
    assert not [
        s for s in secrets if len(s.strip()) >= 8 and s.strip() in shown and s.strip() not in scrubbing.HIDDEN * 3
    ]


def test_what_is_secret() -> None:
    environ = {
        "PULUMI_CONFIG_PASSPHRASE": "one",
        "PULUMI_CONFIG_PASSPHRASE_FILE": "a-file",
        "AWS_SECRET_ACCESS_KEY": "two",
        "AWS_ACCESS_KEY_ID": "three",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "four",
        "ACTIONS_ID_TOKEN_REQUEST_URL": "an-address",
        "AWS_REGION": "us-east-1",
    }
    assert set(scrubbing.of_environment(environ)) == {"one", "two", "three", "four"}
    config = {
        "p:numerai-secret": {"value": "five", "secret": True},
        "p:many": {"value": '{"a":"six"}', "objectValue": {"a": ["six"]}, "secret": True},
        "aws:region": {"value": "us-east-1", "secret": False},
    }
    assert set(scrubbing.of_configuration(config)) == {"five", "six", '{"a":"six"}'}
    url = "https://x.example/pred/1?token=seven"
    assert set(scrubbing.of_webhooks({"webhooks": {"alpha": url}, "nodes": {"alpha": "x"}})) == {url, "seven"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the key is hunter2hunter2.", "the key is ***."),
        ("GET /pred/5f0c?token=abcDEF123&x=1", "GET /pred/5f0c?token=***&x=1"),
        ("POST https://h.example/pred/5f0c8a31/q7Zr0yXw3cVt5bNm8kLj2h", "POST https://h.example/pred/5f0c8a31/***"),
        ("NUMERAI_SECRET_KEY=ABCDEFGHIJKL12345", "NUMERAI_SECRET_KEY=***"),
        ('{"password": "correct-horse-battery"}', '{"password": "***"}'),
        ("Authorization: Token PUBLICPUBLIC$SECRETSECRET", "Authorization: Token ***"),
        ("authorization: Bearer abc.def.ghi-jkl_mno", "authorization: Bearer ***"),
        ("jwt eyJ0eXAiOiJKV1QiLCJh.eyJhdWQiOiI.c2ln", "jwt ***"),
        ("ya29.a0AfH6SMBx-y_z", "***"),
        ("AKIAIOSFODNN7EXAMPLE used", "*** used"),
        ("s3?X-Amz-Signature=0123456789abcdef0123&a=1", "s3?X-Amz-Signature=***&a=1"),
        ("blob?sv=1&sig=AbCdEfGhIjKlMn%2Bop", "blob?sv=1&sig=***"),
        ("https://user:pass@host/x", "https://user:***@host/x"),
        ("-----BEGIN PRIVATE KEY-----\\nMIIE", "***"),
    ],
)
def test_secrets_are_taken_out(text: str, shown: str) -> None:
    assert Scrubber(SECRETS).scrub_foreign(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "epoch 3: loss=0.0123 tokens=512 max_token_length=128",
        "submitted 5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01",
        "tokenizing 1200 rows of v5.3/live.parquet",
        "round 371, correlation 0.0213, a short signature",
        "https://storage.example/data/v5.3/live.parquet?round=371",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert Scrubber(SECRETS).scrub_foreign(text) == text


def test_a_value_is_found_as_it_stands_in_html_and_in_json() -> None:
    scrubber = Scrubber(SECRETS)
    assert scrubber.scrub("<p>with &#34;quotes&#34; &amp; &lt;marks&gt;</p>") == "<p>***</p>"
    assert scrubber.scrub('{"text": "with \\"quotes\\" & <marks>"}') == '{"text": "***"}'
    assert "hunter2" not in repr(scrubber)
