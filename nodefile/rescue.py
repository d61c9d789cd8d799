"""The rescue of a node: the same node once more in another cloud or region, without a webhook and without a schedule.

To the other region it is an ordinary node with a name of its own, so that everything that serves nodes serves it: its
image, its job, its row in the trigger's table and its watch, whose first start is the rescue.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from nodefile.model import MAX_NAME, Watch
from nodefile.node import Node

ENDING = "-rescue"
# Azure's jobs have names of at most 32 characters, of which the provider chooses 8.
MAX_RESCUED = min(MAX_NAME, 24 - len(ENDING))


class RescueNode(Node):
    """The rescue of `primary`."""

    primary: Node

    @property
    def title(self) -> str:
        """The primary's name: the model cannot tell where it runs."""
        return self.primary.name


def add_rescues(nodes: Iterable[Node]) -> tuple[Node, ...]:
    """Return the nodes, each followed by its rescue if it has one."""
    return tuple(each for node in nodes for each in ((node, build_rescue(node)) if node.rescue else (node,)))


def build_rescue(node: Node) -> RescueNode:
    """Return the rescue of a node that has one."""
    rescue = node.rescue
    assert rescue is not None
    own = {
        "name": f"{node.name}{ENDING}",
        "cloud": rescue.cloud,
        "region": rescue.region,
        "size": rescue.size or node.size,
        "schedule": None,
        "watch": Watch(after=rescue.after, retries=node.watch.retries),
        "rescue": None,
        "register_webhook": False,
    }
    return RescueNode(**{**dict(node), **own, "primary": node})


def find_primary(node: Node) -> str:
    """Return the name of the node that a rescue rescues; an empty string for other nodes."""
    return node.primary.name if isinstance(node, RescueNode) else ""


def find_partner(node: Node) -> tuple[str, str] | None:
    """Return cloud and region of a node's rescue, or of the node that it rescues; None if it has no partner."""
    if isinstance(node, RescueNode):
        return node.primary.cloud, node.primary.region
    return (node.rescue.cloud, node.rescue.region) if node.rescue else None


def check_rescue(node: Node, names: Collection[str]) -> Iterator[str]:
    """Yield a sentence for each mistake in a node's rescue. `names` are those of all nodes of the file."""
    rescue = node.rescue
    if rescue is None:
        return
    if (rescue.cloud, rescue.region) == (node.cloud, node.region):
        yield (
            f"the node itself is in {rescue.cloud} {rescue.region}; expected another cloud or region, or "
            "`rescue: false`."
        )
    if not node.watch.enabled:
        yield "a node with `watch: false` cannot be rescued; remove one of them."
    elif rescue.after <= node.watch.after:
        first, own = f"{rescue.after / 60:g}m", f"{node.watch.after / 60:g}m"
        yield f"after: {first} is not later than the first start of `watch` ({own}); expected a later one."
    if f"{node.name}{ENDING}" in names:
        yield f"the rescue is called {node.name}{ENDING}, as another node is; rename that node."
    if len(node.name) > MAX_RESCUED:
        count = len(node.name)
        yield f'"{node.name}" has {count} characters; the name of a node with a rescue has at most {MAX_RESCUED}.'
