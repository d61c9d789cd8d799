"""What a model may print and a page must not show, and what has to stay readable."""

from __future__ import annotations

import pytest

from pnodes.dashboard.scrub import Scrubber

SECRETS = ("hunter2hunter2", 'with "quotes" & <marks>', "short")


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
    assert Scrubber(SECRETS).text(text) == shown


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
    assert Scrubber(SECRETS).text(text) == text


def test_a_value_is_found_as_it_stands_in_html_and_in_json() -> None:
    scrubber = Scrubber(SECRETS)
    assert scrubber.values("<p>with &#34;quotes&#34; &amp; &lt;marks&gt;</p>") == "<p>***</p>"
    assert scrubber.values('{"text": "with \\"quotes\\" & <marks>"}') == '{"text": "***"}'
    assert "hunter2" not in repr(scrubber)
