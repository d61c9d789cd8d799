"""The stable home of our dynamic providers: how the state of a stack refers to them, whatever else moves.

Pulumi keeps a reference to the provider of each dynamic resource in the state, as a pickle. Months later its provider
host unpickles it to refresh, update or delete the resource, without running the program. A class that has moved in the
meantime is not found, and its resources can be neither refreshed nor deleted (github.com/pulumi/pulumi/issues/9085). So
the pickle is a call of `load_provider` with a kind (`providers.resource.reference`).

The name of this module, `load_provider` and the kinds are in users' states and never change. An implementation may move
if its line in `IMPLEMENTATIONS` moves with it. Nothing in the project imports this module.

Stacks that were deployed before this module existed refer to the implementations themselves, under the names of that
time. `tests/providers/references.py` lists those names; `numerai.py` answers to the ones that have moved.
"""

from __future__ import annotations

import importlib

from providers.resource import Provider

IMPLEMENTATIONS = {
    "webhook": "providers.numerai.webhook:WebhookProvider",
    "model-ids": "providers.numerai.models:ModelIdsProvider",
    "webhook-key": "providers.webhook_key:WebhookKeyProvider",
    "aws-image": "providers.aws.image:CodeBuildProvider",
    "gcp-image": "providers.gcp.image:CloudBuildProvider",
    "gcp-repositories": "providers.gcp.repositories:RepositoriesProvider",
    "azure-image": "providers.azure.image:AcrBuildProvider",
    "azure-repositories": "providers.azure.repositories:RepositoriesProvider",
    "azure-services": "providers.azure.registration:RegistrationProvider",
    "azure-code": "providers.azure.code:CodeProvider",
}
"""Kind -> module:class that creates, compares, updates and deletes its resources."""


def load_provider(kind: str) -> Provider:
    """The implementation of a kind. Pulumi's provider host calls this when it unpickles a reference."""
    module, _, name = IMPLEMENTATIONS[kind].partition(":")
    provider: Provider = getattr(importlib.import_module(module), name)()
    return provider
