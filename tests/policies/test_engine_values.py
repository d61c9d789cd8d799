"""What the engine sends becomes what rules see: secrets as paths, unknown values as such, assets as texts."""

from __future__ import annotations

import json

from pulumi.runtime import rpc

from policies import engine_values
from policies.engine_values import secret_values
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
    found = engine_values.resource("aws:lambda/function:Function", "alpha", "urn", sent)
    assert found.props == {
        "plain": {"list": ["a", 1.0, True, None]},
        "key": {"inner": "hidden"},
        "list": ["hidden"],
        "later": UNKNOWN,
        "code": {"assets": {"a.py": {"text": "x = 1"}}},
    }
    assert found.secret == {"key", "list[0]"}
    assert found.at("later.on") is UNKNOWN
    assert found.at("key.none.there") is None


def test_each_kind_of_unknown_value_is_known() -> None:
    assert rpc.UNKNOWN in engine_values._UNKNOWN
    assert len(engine_values._UNKNOWN) == 7


def test_secret_values_come_from_settings_and_the_environment() -> None:
    config = {"p:key": "one", "p:many": json.dumps({"a": "two", "b": ["three"]}), "p:open": "four"}
    environment = {"NUMERAI_SECRET_KEY_FUND": "five", "NUMERAI_PUBLIC_ID": "six", "HOME": "seven", "NUMERAI_X": "eight"}
    found = secret_values(config, ["p:key", "p:many"], environment)
    assert {"one", "two", "three", "five", "six"} <= found
    assert not {"four", "seven", "eight", ""} & found
