"""A refusal in the words of Azure Resource Manager."""

from __future__ import annotations

from sandbox.calls import Call, Refused, Reply, reply

__all__ = ["Call", "Refused", "Reply", "arm_error", "reply"]


def arm_error(refused: Refused) -> Reply:
    """A refusal as Resource Manager words it."""
    return reply({"error": {"code": refused.code, "message": str(refused)}}, refused.status)
