"""The form of Azure Resource Manager's refusals."""

from __future__ import annotations

from sandbox.calls import Call, Refused, Reply, reply

__all__ = ["Call", "Refused", "Reply", "arm_error", "reply"]


def arm_error(refused: Refused) -> Reply:
    """Build a refusal in Resource Manager's form."""
    return reply({"error": {"code": refused.code, "message": str(refused)}}, refused.status)
