"""The check of a request against whichever description its host has, and the ASGI app that checks what passes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.descriptions import aws, azure, google
from tests.descriptions.sent import Sent, Verdict

UNDESCRIBED = {
    r"metadata\.google\.internal/.*": "a function's or job's token; only Google's pages describe it",
    r"oauth2\.googleapis\.com/token": "a token for a refresh token (RFC 6749), sent by google-auth",
    r"(169\.254\.131\.2|localhost)/msi/token": "a function app's token; only Microsoft's pages describe it",
    r"login\.microsoftonline\.com/.*": "a token, sent by azure-identity",
    r"[\w-]+\.scm\.azurewebsites\.net/api/(publish|deployments/[\w-]+)": "Kudu; azd's client is its description",
    r"[\w.-]+\.(azurewebsites\.net|run\.app|on\.aws)/.*": "the triggers themselves",
    r"[\w-]+\.vault\.azure\.net/secrets/[\w-]+": "a secret; its client is not installed",
    r"management\.azure\.com/subscriptions/[\w-]+/providers/Microsoft\.Web/geoRegions": "azure-mgmt-web, not installed",
    r"management\.azure\.com/.+/providers/Microsoft\.Quota/quotas/FC1": "azure-mgmt-quota, not installed",
    r"[\w-]+\.azurecr\.io/oauth2/(exchange|token)": "a registry's token, as a form; see azure-containerregistry's own",
    r"[\w-]+\.pkg\.dev/v2/.*|[\w.-]+\.dkr\.ecr\.[\w.-]+/v2/.*": "Docker's protocol, sent by Docker",
    r"(discord\.com|hooks\.slack\.com|hc-ping\.com|alerts\.example\.com)/.*": "where alerts go",
    r"([\w-]+\.)+numer\.ai(/.*)?": "Numerai, whose GraphQL schema is the sandbox's own",
}
"""Host and path -> why no description says what these requests may be."""


def check(sent: Sent) -> Verdict | None:
    """Compare a request with its description. None if it is known to have none."""
    place = sent.host + sent.path
    if any(re.fullmatch(pattern, place) for pattern in UNDESCRIBED):
        return None
    return google.check(sent) or aws.check(sent) or azure.check(sent) or Verdict("", [f"nothing describes {place}"])


def require(method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> None:
    """Fail if a request is not what its description says."""
    verdict = check(Sent.to(method, url, headers, body))
    assert verdict is None or not verdict.problems, verdict


def is_ours(client: str) -> bool:
    """Return whether a client of the sandbox is the program or a trigger, and not a test, a model or a build."""
    return client not in ("", "me", "numerai", "test") and not client.startswith(("job/", "codebuild/"))


class Checked:
    """Passes requests to the apps that `find_app` finds, and notes the problems of those of the program."""

    def __init__(self, find_app: Callable[[str], ASGIApp | None]) -> None:
        self._find_app = find_app
        self.operations: set[str] = set()
        self.problems: list[str] = []

    def find_app(self, host: str) -> ASGIApp | None:
        """Return the app of a host, with the check in front of it."""
        inner = self._find_app(host)
        if inner is None:
            return None
        app = inner

        async def checked(scope: Scope, receive: Receive, send: Send) -> None:
            if not is_ours(str(scope["state"].get("client", ""))):
                await app(scope, receive, send)
                return
            messages: list[Message] = []
            while not messages or messages[-1].get("more_body"):
                messages.append(await receive())
            self._note(host, scope, b"".join(message.get("body", b"") for message in messages))
            await app(scope, _replay(messages, receive), send)

        return checked

    def _note(self, host: str, scope: Scope, body: bytes) -> None:
        sent = Sent(
            scope["method"],
            host,
            scope["raw_path"].decode("latin-1").split("?")[0],
            parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True),
            {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            body,
        )
        try:
            verdict = check(sent)
        except Exception as error:  # noqa: BLE001 - a request that the check cannot read is a finding
            verdict = Verdict("", [repr(error)])
        if verdict is not None:
            self.operations.add(verdict.operation)
            where = f"{sent.method} {host}{sent.path} ({verdict.operation or 'no operation'})"
            self.problems += [f"{where}: {problem}" for problem in verdict.problems]


def _replay(messages: list[Message], receive: Receive) -> Receive:
    async def replay() -> Message:
        return messages.pop(0) if messages else await receive()

    return replay
