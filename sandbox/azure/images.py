"""A registry's host, <registry>.azurecr.io: token exchange, and listing and deleting repositories and images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from sandbox.azure.calls import Call, Refused, Reply, reply
from sandbox.azure.identity import MANAGEMENT
from sandbox.azure.registry import REGISTRY
from sandbox.cloud import Resource

if TYPE_CHECKING:
    from sandbox.azure.cloud import AzureCloud

SUFFIX = ".azurecr.io"
_RIGHTS = {"metadata_read": "metadata/read", "delete": "artifacts/delete", "*": "catalog/read"}


class RegistryHost:
    """The hosts of all registries."""

    def __init__(self, cloud: AzureCloud) -> None:
        self._cloud, self._store = cloud, cloud.kernel.store

    def serve(self, call: Call) -> Reply:
        """Answer a request. Raises Refused."""
        registry = self._cloud.find(REGISTRY, loginServer=call.host)
        if registry is None:
            return Reply(404)
        server = call.host
        match (call.method, *call.path.strip("/").split("/")):
            case ("POST", "oauth2", "exchange"):
                form = _form(call)
                signed = Call("POST", server, "", headers={"authorization": f"Bearer {form.get('access_token')}"})
                principal = self._cloud.tokens.principal(signed, MANAGEMENT)
                return reply({"refresh_token": self._cloud.tokens.issue(principal, f"{server} refresh")[0]})
            case ("POST", "oauth2", "token"):
                return reply({"access_token": self._access(_form(call), registry)})
            case ("GET", "acr", "v1", "_catalog"):
                self._check_signature(call, "registry:catalog:*")
                return reply({"repositories": [name.split("/", 1)[1] for name in self._repositories(server)]})
            case ("GET", "acr", "v1", name, "_manifests"):
                self._check_signature(call, f"repository:{name}:metadata_read")
                tags: dict[str, list[str]] = {}
                for tag, digest in self._cloud.kernel.images.tags(f"{server}/{name}").items():
                    tags.setdefault(digest, []).append(tag)
                newest_first = reversed(self._digests(server, name))
                manifests = [{"digest": digest, "tags": tags.get(digest, [])} for digest in newest_first]
                return reply({"imageName": name, "manifests": manifests})
            case ("GET", "acr", "v1", name, "_tags", tag):
                self._check_signature(call, f"repository:{name}:metadata_read")
                tagged = self._cloud.kernel.images.tags(f"{server}/{name}").get(tag)
                if tagged is None:
                    raise Refused(404, "TAG_UNKNOWN", f"the tag {tag} does not exist")
                return reply({"registry": server, "imageName": name, "tag": {"name": tag, "digest": tagged}})
            case ("DELETE", "acr", "v1", name):
                self._check_signature(call, f"repository:{name}:delete")
                self._digests(server, name)
                self._cloud.kernel.images.delete_repository(f"{server}/{name}")
                self._store.delete("azure:repositories", f"{server}/{name}")
                return reply({}, 202)
            case ("DELETE", "v2", name, "manifests", digest):
                self._check_signature(call, f"repository:{name}:delete")
                remaining = [kept for kept in self._digests(server, name) if kept != digest]
                self._store.put("azure:repositories", f"{server}/{name}", {"digests": remaining})
                self._store.delete("images", f"{server}/{name}@{digest}")
                return reply({}, 202)
        return Reply(404)

    def _access(self, form: dict[str, str], registry: Resource) -> str:
        server = str(registry["loginServer"])
        signed = Call("POST", server, "", headers={"authorization": f"Bearer {form.get('refresh_token')}"})
        principal = self._cloud.tokens.principal(signed, f"{server} refresh")
        scope = form.get("scope", "")
        action = f"Microsoft.ContainerRegistry/registries/{_RIGHTS.get(scope.rsplit(':', 1)[-1], 'unknown')}"
        if not self._cloud.access.is_allowed(principal, action, registry.id):
            raise Refused(403, "DENIED", f"the caller may not {action}")
        return self._cloud.tokens.issue(principal, f"{server} {scope}")[0]

    def _check_signature(self, call: Call, scope: str) -> None:
        self._cloud.tokens.principal(call, f"{call.host} {scope}")

    def _repositories(self, server: str) -> dict[str, dict[str, Any]]:
        return self._store.all("azure:repositories", f"{server}/")

    def _digests(self, server: str, name: str) -> list[str]:
        repository = self._store.get("azure:repositories", f"{server}/{name}")
        if repository is None:
            raise Refused(404, "NAME_UNKNOWN", f"repository {name} is not found")
        return list(repository["digests"])


def _form(call: Call) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(call.body.decode()).items()}
