"""The fixed names on AWS.

The provider chooses all other physical names and ends them with random digits. Roles have an IAM path of the stack,
which is part of their ARNs: so the deploying identity can be limited to creating, changing and passing these roles. Two
names are fixed because a policy of the cluster contains them before the node's resources exist: the function's (the
scheduler's role lists the functions that it may call) and the image repository's (the builder may push to this stack's
repositories only).
"""

from __future__ import annotations

import re

MAX_FUNCTION = 64
MAX_REPOSITORY = 256
_FUNCTION = re.compile(r"[A-Za-z0-9_-]+")
_REPOSITORY_PART = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


def name_function(project: str, stack: str, node: str) -> str:
    """Return the name of a node's function."""
    return f"{project}-{stack}-{node}"


def name_repository_folder(project: str, stack: str) -> str:
    """Return the common prefix of a stack's repositories, without the slash after it."""
    return f"{project}-{stack}"


def name_repository(project: str, stack: str, node: str) -> str:
    """Return the name of a node's repository."""
    return f"{name_repository_folder(project, stack)}/{node}"


def name_role_path(project: str, stack: str) -> str:
    """Return the IAM path of a stack's roles, by which a policy can select them."""
    return f"/{project}-{stack}/"


def fits_function(text: str) -> bool:
    """Return whether Lambda allows these characters in a function's name."""
    return bool(_FUNCTION.fullmatch(text))


def fits_repository(text: str) -> bool:
    """Return whether ECR allows these characters as one part of a repository's name."""
    return bool(_REPOSITORY_PART.fullmatch(text))
