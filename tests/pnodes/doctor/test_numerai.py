"""The doctor's findings about a Numerai account, with a fake API."""

from __future__ import annotations

from typing import Any

import pytest

from nodefile.clouds import REGIONS
from pnodes.doctor import numerai
from pnodes.engine.paths import ROOT
from providers.findings import Finding, Level
from tests.providers.numerai.wire import Wire
from tests.providers.patients import MODEL, levels, node, only

KEYS = {"numerai-public-id": "PUBLIC", "numerai-secret": "SECRET"}
BOTH = "pulumi config set --secret numerai-public-id && pulumi config set --secret numerai-secret"
ALL = ["upload_submission", "read_submission_info", "read_user_info"]


def account(scopes: list[str], **changes: Any) -> dict[str, Any]:
    models = [
        {"id": MODEL.upper(), "name": "Alpha", "tournament": 8},
        {"id": "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02", "name": "sigma", "tournament": 11},
    ]
    tokens = [
        {"name": "old", "public_id": "OTHER", "scopes": []},
        {"name": "new", "public_id": "PUBLIC", "scopes": scopes},
    ]
    return {"data": {"account": {"username": "anna", "apiTokens": tokens, "models": models, **changes}}}


def examine(*nodes: Any, config: dict[str, str] = KEYS) -> list[Finding]:
    return list(numerai.examine(None, nodes or (node(),), config.get))


@pytest.fixture(autouse=True)
def _no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMERAI_PUBLIC_ID", raising=False)
    monkeypatch.delenv("NUMERAI_SECRET_KEY", raising=False)


def test_a_pair_with_all_scopes_passes(wire: Wire) -> None:
    wire.answers = [account(ALL)]
    findings = examine()
    assert levels(findings) == dict.fromkeys(("keys", "scopes", "models"), Level.OK)
    assert wire.asked[0]["headers"]["Authorization"] == "Token PUBLIC$SECRET"
    assert not [finding for finding in findings if "SECRET" in finding.text + finding.mend]


def test_no_keys(wire: Wire) -> None:
    (finding,) = examine(config={"numerai-public-id": "PUBLIC"})
    assert (finding.level, finding.mend) == (Level.FAILED, BOTH)
    assert not wire.asked


def test_keys_of_the_environment_only(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NUMERAI_PUBLIC_ID", "PUBLIC")
    monkeypatch.setenv("NUMERAI_SECRET_KEY", "SECRET")
    wire.answers = [account(ALL)]
    assert only(examine(config={}), "keys").level is Level.WARNING


def test_the_settings_of_a_named_account_contain_its_name(wire: Wire) -> None:
    (finding,) = numerai.examine("fund", [node(account="fund")], KEYS.get)
    assert finding.mend == (
        "pulumi config set --secret numerai-public-id-fund && pulumi config set --secret numerai-secret-fund"
    )


def test_keys_that_numerai_does_not_know(wire: Wire) -> None:
    wire.answers = [(401, {"message": "no"})]
    (finding,) = examine()
    assert finding.level is Level.FAILED
    assert finding.mend.startswith(BOTH)


def test_a_pair_that_may_not_read_the_account(wire: Wire) -> None:
    wire.answers = [{"errors": [{"message": "Insufficient permission"}]}]
    (finding,) = examine()
    assert "read_user_info" in finding.text
    assert "Insufficient permission" in finding.text


def test_numerai_does_not_answer(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    wire.answers = [(503, "")]
    (finding,) = examine()
    assert finding.level == Level.FAILED, finding.text
    assert "could not be reached" in finding.text


def test_missing_scopes(wire: Wire) -> None:
    wire.answers = [account(["read_user_info"])]
    failed, advice = (finding for finding in examine() if finding.check == "scopes")
    assert failed.level == Level.FAILED, failed.text
    assert "upload_submission to submit" in failed.text
    assert advice.level == Level.WARNING, advice.text
    assert "read_submission_info" in advice.text
    assert failed.mend.startswith(BOTH)


def test_a_pair_that_may_also_stake(wire: Wire) -> None:
    wire.answers = [account([*ALL, "stake"])]
    finding = only(examine(), "scopes")
    assert finding.level == Level.WARNING, finding.text
    assert "may also stake" in finding.text
    assert finding.mend.startswith(BOTH)


@pytest.mark.parametrize(
    "page", ["README.md", "Pulumi.yaml", "docs/secrets.md", *(f"docs/first-deployment-{cloud}.md" for cloud in REGIONS)]
)
def test_the_pages_ask_for_the_scopes_that_the_doctor_wants(page: str) -> None:
    text = " ".join((ROOT / page).read_text(encoding="utf-8").split()).replace(" and ", ", ").replace(", to ", ", ")
    assert "read user info, read submission info, upload submissions" in text


def test_models_by_name_and_id(wire: Wire) -> None:
    wire.answers = [account(ALL)]
    other = "00000000-0000-4000-8000-000000000009"
    signals = "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02"
    findings = examine(
        node("fine"),
        node("named", model="Alpha"),
        node("typo", model="Alhpa"),
        node("stranger", model=other),
        node("mixed", model=signals),
    )
    texts = [finding.text for finding in findings if finding.check == "models"]
    assert len(texts) == 3
    assert texts[0] == 'node typo: the account has no classic model "Alhpa". Did you mean "Alpha"?'
    assert f"node stranger: {other} is not a classic model of this account; the account lacks" in texts[1]
    assert 'the model "sigma" of another tournament' in texts[2]
