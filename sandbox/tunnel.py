"""Tunnels from the user's own shell to hosts that the sandbox does not simulate, such as PyPI and git hosts.

Jobs and functions get none, and no tunnel leads to a real cloud or to the real Numerai: a host of theirs that the
sandbox does not know is an error that the user should see.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
import urllib.request
from pathlib import Path
from urllib.parse import unquote, urlsplit

import certifi

from sandbox.cli.shell import DEPLOYER

_SIMULATED = (
    *("amazonaws.com", "api.aws", "on.aws", "googleapis.com", "run.app", "cloudfunctions.net", "pkg.dev", "numer.ai"),
    *("azure.com", "azure.net", "windows.net", "azurecr.io", "azurewebsites.net", "azurecontainerapps.io"),
    *("microsoftonline.com", "internal"),
)
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


def is_allowed(client: str, host: str) -> bool:
    """Return whether a client may have a tunnel to a host that the sandbox does not answer for."""
    return client == DEPLOYER and not f".{host}".endswith(tuple(f".{domain}" for domain in _SIMULATED))


async def connect(host: str, port: int) -> Streams:
    """Connect to a host, through the proxy of the daemon's own environment if it has one. Raises OSError."""
    proxy = urlsplit(urllib.request.getproxies().get("https", ""))
    if not proxy.hostname or urllib.request.proxy_bypass(host):
        return await asyncio.open_connection(host, port)
    reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port or 80)
    login = f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}".encode()
    head = f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"
    head += f"Proxy-Authorization: Basic {base64.b64encode(login).decode()}\r\n" if proxy.username else ""
    writer.write(f"{head}\r\n".encode())
    status = (await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0]
    if status.split()[1:2] != [b"200"]:
        writer.close()
        raise OSError(f"the proxy answers {status.decode('latin-1')}")
    return reader, writer


async def relay(inner: Streams, outer: Streams) -> None:
    """Copy the data in both directions until both sides have closed."""
    await asyncio.gather(_copy(inner[0], outer[1]), _copy(outer[0], inner[1]))
    for _, writer in (inner, outer):
        writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


def write_trusted(ca_file: Path, target: Path) -> None:
    """Write the sandbox's authority and those that this machine trusts, for clients in the user's shell."""
    usual = ssl.get_default_verify_paths().cafile or certifi.where()
    target.write_bytes(ca_file.read_bytes() + b"\n" + Path(usual).read_bytes())
