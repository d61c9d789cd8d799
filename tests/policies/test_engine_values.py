"""The engine's values are converted for the rules: secrets to paths, unknown values to UNKNOWN, assets to strings."""

from __future__ import annotations

import json

from pulumi.runtime import rpc

from policies import engine_values
from policies.engine_values import find_secrets
from policies.resource import UNKNOWN

SECRET = {rpc._special_sig_key: rpc._special_secret_sig}
ASSET = {rpc._special_sig_key: rpc._special_asset_sig}


def test_secrets_unknown_values_and_assets() -> None:
    sent = {
        "plain": {"list": ["a", 1.0, True, None]},
        "key": {**SECRET, "value": {"inner": "hidden"}},
        "list": [{**SECRET, "value": "hidden"}],
        "later": rpc.UNKNOWN,
        "code": {rpc._special_sig_key: rpc._special_archive_sig, "assets": {"a.py": {**ASSET, "text": "x = 1"}}},
    }
    resource = engine_values.read_resource("aws:lambda/function:Function", "alpha", "urn", sent)
    assert resource.props == {
        "plain": {"list": ["a", 1.0, True, None]},
        "key": {"inner": "hidden"},
        "list": ["hidden"],
        "later": UNKNOWN,
        "code": {"assets": {"a.py": {"text": "x = 1"}}},
    }
    assert resource.secret == {"key", "list[0]"}
    assert resource.get("later.on") is UNKNOWN
    assert resource.get("key.none.there") is None


def test_all_placeholders_of_unknown_values_are_recognised() -> None:
    assert rpc.UNKNOWN in engine_values._UNKNOWN
    assert len(engine_values._UNKNOWN) == 7


def test_secrets_come_from_settings_and_the_environment() -> None:
    config = {"p:key": "one", "p:many": json.dumps({"a": "two", "b": ["three"]}), "p:open": "four"}
    environment = {"NUMERAI_SECRET_KEY_FUND": "five", "NUMERAI_PUBLIC_ID": "six", "HOME": "seven", "NUMERAI_X": "eight"}
    secrets = find_secrets(config, ["p:key", "p:many"], environment)
    assert {"one", "two", "three", "five", "six"} <= secrets
    assert not {"four", "seven", "eight", ""} & secrets
