"""The references to our dynamic providers in the states of stacks, of this version and of earlier ones."""

from __future__ import annotations

import base64
import pickletools

# The module and class by which stacks of commit 876a2ed (November 2026) and before refer to a provider, and its kind
# now. Users' states contain them: when one of these modules moves, its old name must stay importable, as in numerai.py.
OLD = {
    ("numerai.webhook", "WebhookProvider"): "webhook",
    ("numerai.models", "ModelIdsProvider"): "model-ids",
    ("providers.webhook_key", "WebhookKeyProvider"): "webhook-key",
    ("providers.aws.image", "CodeBuildProvider"): "aws-image",
    ("providers.gcp.image", "CloudBuildProvider"): "gcp-image",
    ("providers.gcp.repositories", "RepositoriesProvider"): "gcp-repositories",
    ("providers.azure.image", "AcrBuildProvider"): "azure-image",
    ("providers.azure.repositories", "RepositoriesProvider"): "azure-repositories",
    ("providers.azure.registration", "RegistrationProvider"): "azure-services",
    ("providers.azure.code", "CodeProvider"): "azure-code",
}


def old_reference(module: str, name: str) -> bytes:
    """Return the pickle (protocol 4) of an object without attributes."""
    texts = b"".join(b"\x8c" + bytes([len(text)]) + text.encode() + b"\x94" for text in (module, name))
    frame = texts + b"\x93\x94)\x81\x94."
    return b"\x80\x04\x95" + len(frame).to_bytes(8, "little") + frame


def names(stored: str) -> tuple[str, ...]:
    """Return the names in a state's `__provider`: module and class, or module, function and kind."""
    texts = [arg for _, arg, _ in pickletools.genops(base64.b64decode(stored)) if isinstance(arg, str)]
    return tuple(" ".join(texts).split())
