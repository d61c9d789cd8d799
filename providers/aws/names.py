"""The few names that are fixed on AWS, and why.

Physical names are the provider's to choose, with random digits at their end. Roles lie under a path of the stack, which
is part of their ARNs: who deploys may make, change and hand on these roles and no others. Two names are fixed, since a
policy of the cluster has to name what nodes own without waiting for it: the function (the scheduler's one role lists
the functions it may call) and the image repository (the builder may push to this stack's folder of repositories and
nowhere else).
"""

from __future__ import annotations

import re

MAX_FUNCTION = 64
MAX_REPOSITORY = 256
_FUNCTION = re.compile(r"[A-Za-z0-9_-]+")
_REPOSITORY_PART = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")


def function(project: str, stack: str, node: str) -> str:
    """The name of a node's function."""
    return f"{project}-{stack}-{node}"


def repositories(project: str, stack: str) -> str:
    """The folder of a stack's repositories, without a slash at its end."""
    return f"{project}-{stack}"


def repository(project: str, stack: str, node: str) -> str:
    """The name of a node's repository."""
    return f"{repositories(project, stack)}/{node}"


def path(project: str, stack: str) -> str:
    """The IAM path of a stack's roles, by which a deployer's policy can tell them from all others of the account."""
    return f"/{project}-{stack}/"


def names_functions(text: str) -> bool:
    """Whether Lambda takes these characters in a function's name."""
    return bool(_FUNCTION.fullmatch(text))


def names_repositories(text: str) -> bool:
    """Whether ECR takes these characters as one part of a repository's name."""
    return bool(_REPOSITORY_PART.fullmatch(text))
