"""The variables of a run: those that a node's container has in its cloud, and the few of this machine that it needs.

A container starts from nothing, so nothing else of the person's environment is handed on: neither credentials of clouds
nor tokens reach a model's code. What is handed on is how this machine reaches the network.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from nodefile import Node, variables

PROXIES = tuple(
    name for each in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY") for name in (each, each.lower())
)
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")

# Numerai refuses it, whatever sends it: without --submit no code in any language can submit.
NO_KEY = "none-because-this-run-does-not-submit"
NO_MODEL_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Account:
    """Who submits for which model; without --submit the keys are placeholders."""

    model_id: str
    public_id: str = field(default=NO_KEY, repr=False)
    secret_key: str = field(default=NO_KEY, repr=False)

    @property
    def submits(self) -> bool:
        """Whether the keys are real."""
        return self.secret_key != NO_KEY


def of_node(node: Node, account: Account, round_number: int | None = None, test: bool = False) -> dict[str, str]:
    """What the cloud's job and the trigger set. No TRIGGER_ID: Numerai issued none, as for a run by a schedule."""
    found = {
        **variables.list_constants(node, account.model_id),
        "RUN_ID": f"local-{uuid.uuid4()}",
        "IS_TEST": "true" if test else "false",
        variables.PUBLIC_ID: account.public_id,
        variables.SECRET_KEY: account.secret_key,
    }
    if test or round_number is not None:
        found["ROUND_NUMBER"] = "test" if round_number is None else str(round_number)
    return found


def of_machine(environ: Mapping[str, str]) -> dict[str, str]:
    """How this machine reaches the network: proxies and certificates."""
    return {name: environ[name] for name in (*PROXIES, *CERTIFICATES) if environ.get(name)}


def for_installing(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for downloading packages and base images: leaves out what PNODES_INSTALL_WITHOUT names."""
    left_out = environ.get("PNODES_INSTALL_WITHOUT", "").split(",")
    return {name: value for name, value in environ.items() if name not in left_out}
