"""The sandbox's own certificate authority: created once per home and trusted only by the sandbox's processes."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path

import trustme


class Authority:
    """Issues a server certificate for any host name; clients trust `ca_file`."""

    def __init__(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.ca_file, key_file = home / "ca.pem", home / "ca.key"
        if self.ca_file.exists() and key_file.exists():
            self._ca = trustme.CA.from_pem(self.ca_file.read_bytes(), key_file.read_bytes())
        else:
            self._ca = trustme.CA(organization_name="prediction-nodes sandbox")
            key_file.touch(0o600)
            key_file.write_bytes(self._ca.private_key_pem.bytes())
            self.ca_file.write_bytes(self._ca.cert_pem.bytes())
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def trust(self) -> ssl.SSLContext:
        """Return a client context that trusts the sandbox's authority."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def context(self, host: str) -> ssl.SSLContext:
        """Return a server context with a certificate for this host."""
        with self._lock:
            if host not in self._contexts:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                self._ca.issue_cert(host).configure_cert(context)
                context.set_alpn_protocols(["http/1.1"])
                self._contexts[host] = context
            return self._contexts[host]
