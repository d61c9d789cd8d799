"""Reads the webhooks at Numerai, and sets one as a user does on numer.ai."""

from __future__ import annotations

import pytest

from providers.numerai.client import Client
from providers.numerai.keys import Keys
from tests.e2e.world import World


def at_numerai(world: World) -> dict[str, str | None]:
    """Return the webhooks at Numerai by model id."""
    models = world.control.get("/models").json()["models"]
    return {model["id"]: model["webhook"] for model in models}


def by_hand(world: World, model_id: str, url: str | None) -> None:
    """Set or clear a model's webhook, as a user does on numer.ai."""
    keys = world.daemon["numerai"]
    with pytest.MonkeyPatch.context() as patch:
        for name, value in world.cli.env.items():
            patch.setenv(name, value)
        Client(Keys(keys["public_id"], keys["secret_key"])).set_webhook(model_id, url)
