"""Finds the dynamic providers to which the states of deployed stacks refer.

Pulumi stores a reference to the provider of each dynamic resource in the state, as a pickle. Months later, its provider
host unpickles the reference to refresh, update or delete the resource, without running the program. If the class has
moved in the meantime, the host does not find it, and the resource can be neither refreshed nor deleted
(github.com/pulumi/pulumi/issues/9085). The pickle is therefore a call of `load_provider` with a kind
(`providers.resource.build_reference`).

Never change the name of this module, the name `load_provider` or the kinds: users' states contain them. When an
implementation moves, change its line in `IMPLEMENTATIONS`. Nothing in the project imports this module.

Stacks that were deployed before this module existed refer to the implementations directly, by the names of that time.
`tests/providers/references.py` lists those names; `numerai.py` keeps the moved ones importable.
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
    "gcp-permissions": "providers.propagation:PermissionsProvider",
    "gcp-code": "providers.gcp.code:CodeProvider",
    "gcp-docker-images": "providers.gcp.repositories:DockerImagesProvider",
    "gcp-repositories": "providers.gcp.repositories:RepositoriesProvider",
    "azure-image": "providers.azure.image:AcrBuildProvider",
    "azure-docker-images": "providers.azure.repositories:DockerImagesProvider",
    "azure-repositories": "providers.azure.repositories:RepositoriesProvider",
    "azure-permissions": "providers.propagation:PermissionsProvider",
    "azure-services": "providers.azure.registration:RegistrationProvider",
    "azure-code": "providers.azure.code:CodeProvider",
}
"""Kind -> module:class that creates, compares, updates and deletes its resources."""


def load_provider(kind: str) -> Provider:
    """Return the implementation of a kind. Pulumi's provider host calls this when it unpickles a reference."""
    module, _, name = IMPLEMENTATIONS[kind].partition(":")
    provider: Provider = getattr(importlib.import_module(module), name)()
    return provider
