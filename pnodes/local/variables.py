"""The variables of a run: those that a node's container has in its cloud, and this machine's proxies and certificates.

Nothing else of the user's environment is passed on, so that neither cloud credentials nor tokens reach a model's code.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from nodefile import Node, variables

PROXIES = tuple(
    name for proxy in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY") for name in (proxy, proxy.lower())
)
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")

# Numerai refuses this key, so that without --submit no code in any language can submit.
NO_KEY = "none-because-this-run-does-not-submit"
NO_MODEL_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True)
class Account:
    """The keys and the model of a run; without --submit the keys are placeholders."""

    model_id: str
    public_id: str = field(default=NO_KEY, repr=False)
    secret_key: str = field(default=NO_KEY, repr=False)

    @property
    def submits(self) -> bool:
        """Whether the keys are real."""
        return self.secret_key != NO_KEY


def list_node_variables(
    node: Node, account: Account, round_number: int | None = None, test: bool = False
) -> dict[str, str]:
    """Return the variables that the cloud's job and the trigger set, without TRIGGER_ID, as in a scheduled run."""
    values = {
        **variables.list_constants(node, account.model_id),
        "RUN_ID": f"local-{uuid.uuid4()}",
        "IS_TEST": "true" if test else "false",
        variables.PUBLIC_ID: account.public_id,
        variables.SECRET_KEY: account.secret_key,
    }
    if test or round_number is not None:
        values["ROUND_NUMBER"] = "test" if round_number is None else str(round_number)
    return values


def list_network_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for this machine's proxies and certificates."""
    return {name: environ[name] for name in (*PROXIES, *CERTIFICATES) if environ.get(name)}


def for_installing(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for downloads, without the variables that PNODES_INSTALL_WITHOUT names."""
    left_out = environ.get("PNODES_INSTALL_WITHOUT", "").split(",")
    return {name: value for name, value in environ.items() if name not in left_out}
