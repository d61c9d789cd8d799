"""The network settings of the sandbox's processes: the gateway as their proxy, and its certificate authority."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_LOOPBACK = "127.0.0.1,localhost,::1"


@dataclass(frozen=True)
class Network:
    """The gateway's port on loopback, and the CA file that its clients must trust."""

    gateway_port: int
    ca_file: Path

    def proxy(self, client: str) -> str:
        """Return the proxy URL of one client; the gateway identifies the client by the user part."""
        # Without a password, urllib and requests would omit the user.
        return f"http://{quote(client, safe='')}:sandbox@127.0.0.1:{self.gateway_port}"

    def environment(self, client: str) -> dict[str, str]:
        """Return the variables that make unmodified clients (urllib, requests, boto3, curl, R) use the gateway."""
        proxy, ca = self.proxy(client), str(self.ca_file)
        names = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")
        bundles = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE")
        return {
            **dict.fromkeys(names, proxy),
            **dict.fromkeys(bundles, ca),
            "NO_PROXY": _LOOPBACK,
            "no_proxy": _LOOPBACK,
        }
