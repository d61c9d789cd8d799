"""Say of a run of a pickle what Numerai's Model Uploads would have said: its limits, and what made the pickle."""

from __future__ import annotations

from nodefile import Node
from pnodes.local.process import Ended
from providers.images.pickled import find_origin

# From docs.numer.ai/numerai-tournament/submissions/model-uploads
_MEMORY_MIB = 4096
_SECONDS = 600


def describe(node: Node, ended: Ended) -> list[str]:
    """Return lines about the run of a pickle; none for other nodes."""
    if node.pickle is None:
        return []
    if ended.exit_code:
        return [f"{node.pickle.name} was {find_origin(node)}. The run had Python {node.python}."]
    if ended.peak_mib is None:  # a container, whose memory the engine measures
        return []
    reasons = [
        *(["more than 4 GiB of memory"] if ended.peak_mib > _MEMORY_MIB else []),
        *(["more than 10 minutes"] if ended.seconds > _SECONDS else []),
    ]
    verdict = f"would not fit Numerai's Model Uploads: {' and '.join(reasons)}" if reasons else "fits Model Uploads"
    return [f"{node.pickle.name} {verdict} (1 CPU, 4 GiB, 10 minutes)"]
