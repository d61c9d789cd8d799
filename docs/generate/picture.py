"""Draw docs/two-flows.svg from docs/two-flows.dot with the Graphviz of the docs environment: `make picture`.

The width of text depends on the machine's fonts, so the picture is committed instead of drawn with each build. It
contains the digest of its source, so that a test can detect an outdated picture.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "two-flows.dot"
PICTURE = SOURCE.with_suffix(".svg")
ABOUT = "The two flows: pulumi up creates the nodes of nodes.yaml; for each round Numerai calls a node's webhook."


def mark(source: bytes) -> str:
    """Return the comment that identifies the picture's source."""
    return f"of {SOURCE.name}, sha256 {hashlib.sha256(source).hexdigest()}"


def draw() -> None:
    """Write the picture."""
    import pygraphviz  # type: ignore[import-not-found]  # only in the docs environment

    source = SOURCE.read_bytes()
    drawn: str = pygraphviz.AGraph(string=source.decode()).draw(prog="dot", format="svg:svg:core").decode()
    # Set our own title, let the size follow the page, and drop Graphviz's header, which changes with its version.
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r'<svg width="\S+" height="\S+"', f'<!-- {mark(source)} -->\n<svg role="img"', drawn, count=1)
    drawn = re.sub(r"<title>two_flows</title>", f"<title>{ABOUT}</title>", drawn, count=1)
    PICTURE.write_text(drawn.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    draw()
