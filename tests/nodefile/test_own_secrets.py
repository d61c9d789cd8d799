"""Secrets are recognised by their form, and the names of `secrets` and the user's rights are resolved."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodefile import load, secret_values
from nodefile.settings import dump_settings, load_node

SECRETS = {
    "a private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIE",
    "a JSON web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl",
    "an AWS access key": "AKIA" + "Q7" * 8,
    "a Google API key": "AIza" + "aB3-_" * 7,
    "a Google access token": "ya29.a0Af-abcdefghijk",
    "a GitHub token": "github_pat_" + "aB3" * 10,
    "a GitLab token": "glpat-" + "aB3-" * 6,
    "a Slack token": "xoxb-123456789-abcdef",
    "the address of a webhook": "https://hooks.slack.com/services/T000/B000/abcdefghijklmnop",
    "a Telegram token": "123456789:AA" + "aB3" * 11,
    "an OpenAI or Anthropic key": "sk-ant-api03-abcdefghijklmnop",
    "a Stripe key": "sk_live_" + "aB3" * 6,
    "a Hugging Face token": "hf_" + "aB3" * 11,
    "a PyPI token": "pypi-" + "aB3-_" * 12,
    "a Pulumi token": "pul-" + "0a" * 20,
    "an EODHD token": "5f0c8a316c1e42.12345678",
    "an address with a password": "postgresql://me:word@db.example:5432/prices",
}


def test_each_kind_has_an_example() -> None:
    assert {*SECRETS} == {*secret_values.KINDS, secret_values.ADDRESS[0]}


@pytest.mark.parametrize(("kind", "value"), SECRETS.items(), ids=SECRETS)
def test_a_secret_is_recognised_also_inside_other_words(kind: str, value: str) -> None:
    assert secret_values.recognise(value) == kind
    assert secret_values.recognise(f"--key {value} --fast") == kind


@pytest.mark.parametrize(
    "value",
    [
        "info",
        "20",
        "0.00012345678901234",
        "12345678901234.12345678",
        "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01",
        "sha256:" + "0a1b" * 16,
        "https://example.com/a/path?x=1",
        "https://user@example.com/path",
        "s3://my-bucket/models/v1.pkl",
        "arn:aws:s3:::my-bucket",
        "my-model@my-project.iam.gserviceaccount.com",
        "http://localhost:8080/a@b",
        "America/New_York",
        "risk-adjusted-returns-of-the-model",
        "sk-learn",
        "eyJ",
        "v5.3/live_example_preds.csv",
        "a,b,c:d;e=f",
        "-----BEGIN CERTIFICATE-----",
    ],
)
def test_ordinary_values_are_no_secrets(value: str) -> None:
    assert secret_values.recognise(value) is None


def test_names_are_added_to_those_of_the_defaults_and_rights_apply_to_their_cloud(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "Dockerfile").touch()
    (tmp_path / "nodes.yaml").write_text(
        "defaults:\n"
        "  source: m\n"
        "  secrets: [TIINGO_KEY, EODHD_TOKEN]\n"
        "  aws: {job-policy-arns: ['arn:aws:iam::123456789012:policy/one']}\n"
        "  gcp: {job-service-account: my-model@my-project.iam.gserviceaccount.com}\n"
        "nodes:\n"
        "  alpha: {model: a, cloud: aws, secrets: [ALPHA, EODHD_TOKEN]}\n"
        "  beta: {model: b, cloud: gcp}\n"
        "  gamma: {model: c, cloud: azure, secrets: }\n"
        "  delta: {model: d, cloud: aws, aws: {job-policy-arns: ['arn:aws:iam::aws:policy/two']}}\n"
    )
    file = load(tmp_path / "nodes.yaml")
    alpha, beta, gamma, delta = file.nodes
    assert alpha.secrets == ("ALPHA", "EODHD_TOKEN", "TIINGO_KEY")
    assert gamma.secrets == beta.secrets == ("EODHD_TOKEN", "TIINGO_KEY")
    assert (alpha.rights, alpha.gcp) == (("arn:aws:iam::123456789012:policy/one",), ())
    assert (beta.rights, beta.aws) == (("my-model@my-project.iam.gserviceaccount.com",), ())
    assert (gamma.rights, gamma.aws, gamma.gcp) == ((), (), ())
    assert delta.rights == ("arn:aws:iam::aws:policy/two",)
    settings = dump_settings(file)
    assert settings["alpha"]["secrets"] == ["ALPHA", "EODHD_TOKEN", "TIINGO_KEY"]
    assert "aws" not in settings["gamma"]
    again = load_node("alpha", settings["alpha"])
    assert (again.secrets, again.rights) == (alpha.secrets, alpha.rights)
