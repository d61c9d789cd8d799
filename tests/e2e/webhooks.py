"""Webhooks at Numerai: which ones are set, and setting one as a person does on numer.ai."""

from __future__ import annotations

import pytest

from providers.numerai.client import Client
from providers.numerai.keys import Keys
from tests.e2e.world import World


def at_numerai(world: World) -> dict[str, str | None]:
    """What Numerai has: model id -> webhook."""
    found = world.control.get("/models").json()["models"]
    return {model["id"]: model["webhook"] for model in found}


def by_hand(world: World, model_id: str, url: str | None) -> None:
    """What a person does on numer.ai."""
    known = world.daemon["numerai"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in world.cli.env.items():
            patch.setenv(name, value)
        Client(Keys(known["public_id"], known["secret_key"])).set_webhook(model_id, url)
