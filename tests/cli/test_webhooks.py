"""The sandbox's Numerai is told of every webhook in the stack's outputs."""

from cli.webhooks import register


class Told:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.webhooks: dict[str, str] = {}

    def set_webhook(self, model_id: str, url: str) -> None:
        self.webhooks[model_id] = url


def test_every_node_is_registered_by_its_models_id() -> None:
    told = Told()
    nodes = {"alpha": {"model_id": "m-1"}, "beta": {"model_id": "m-2"}}
    register(told, {"nodes": nodes, "webhooks": {"alpha": "https://a", "beta": "https://b"}})
    assert told.webhooks == {"m-1": "https://a", "m-2": "https://b"}


def test_a_stack_without_nodes_has_nothing_to_tell() -> None:
    told = Told()
    register(told, {})
    assert told.webhooks == {}
