"""The network as a process of the sandbox sees it: every host name leads to the gateway, whose authority it trusts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

_LOOPBACK = "127.0.0.1,localhost,::1"


@dataclass(frozen=True)
class Network:
    """Where the gateway listens, and the CA file that its clients must trust."""

    gateway_port: int
    ca_file: Path

    def proxy(self, client: str) -> str:
        """The proxy URL of one client; the user part tells the gateway who is calling."""
        # Without a password urllib and requests would leave the user out.
        return f"http://{quote(client, safe='')}:sandbox@127.0.0.1:{self.gateway_port}"

    def environment(self, client: str) -> dict[str, str]:
        """Variables that make unmodified clients (urllib, requests, boto3, curl, R) use the gateway."""
        proxy, ca = self.proxy(client), str(self.ca_file)
        names = ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy")
        bundles = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "CURL_CA_BUNDLE")
        return {
            **dict.fromkeys(names, proxy),
            **dict.fromkeys(bundles, ca),
            "NO_PROXY": _LOOPBACK,
            "no_proxy": _LOOPBACK,
        }
