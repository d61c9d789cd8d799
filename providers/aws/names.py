"""The fixed names on AWS.

The provider chooses all other physical names and ends them with random digits. Roles have an IAM path of the stack,
which is part of their ARNs: so the deploying identity can be limited to creating, changing and passing these roles. Two
kinds of names are fixed so that a policy of the cluster can select them by the stack's prefix before the node's
resources exist: those of job definitions (the trigger may start them) and of image repositories (the builder may push
to them, jobs pull from them). The prefix of definitions ends in two underscores, which no stack's name contains: so it
selects no other stack's definitions.
"""

from __future__ import annotations

import re

MAX_FUNCTION = 64
MAX_DEFINITION = 128
FUNCTION = re.compile(r"[A-Za-z0-9_-]+")
"""The characters that Lambda allows in a function's name."""
REPOSITORY_PART = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
"""One part of a repository's name in ECR."""


def name_definition(project: str, stack: str, node: str) -> str:
    """Return the name of a node's job definition; with `*` as node, the pattern for those of the stack."""
    return f"{project}-{stack}__{node}"


def name_function(project: str, stack: str) -> str:
    """Return the name of a region's function, which no node's function of an earlier version has."""
    return f"{project}-{stack}__trigger"


def name_repository_folder(project: str, stack: str) -> str:
    """Return the common prefix of a stack's repositories, without the slash after it."""
    return f"{project}-{stack}"


def name_repository(project: str, stack: str, node: str) -> str:
    """Return the name of a node's repository."""
    return f"{name_repository_folder(project, stack)}/{node}"


def name_role_path(project: str, stack: str) -> str:
    """Return the IAM path of a stack's roles, by which a policy can select them."""
    return f"/{project}-{stack}/"
