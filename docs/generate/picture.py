"""Draws docs/two-flows.svg from docs/two-flows.dot, with the Graphviz of the environment of the docs: `make picture`.

Where text ends depends on the fonts of the machine, so the picture is committed rather than drawn with each build. It
holds the digest of its source: a test tells when it is the picture of another text.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "two-flows.dot"
PICTURE = SOURCE.with_suffix(".svg")
ABOUT = "The two flows: pulumi up makes the nodes of nodes.yaml; for each round Numerai calls a node's webhook."


def mark(source: bytes) -> str:
    """What the picture says of its source."""
    return f"of {SOURCE.name}, sha256 {hashlib.sha256(source).hexdigest()}"


def draw() -> None:
    """Write the picture."""
    import pygraphviz  # type: ignore[import-not-found]  # in the environment of the docs only

    source = SOURCE.read_bytes()
    drawn: str = pygraphviz.AGraph(string=source.decode()).draw(prog="dot", format="svg:svg:core").decode()
    # Its own title, and a size that follows the page's; what Graphviz says of itself changes with its version.
    drawn = drawn[drawn.index("<svg") :]
    drawn = re.sub(r'<svg width="\S+" height="\S+"', f'<!-- {mark(source)} -->\n<svg role="img"', drawn, count=1)
    drawn = re.sub(r"<title>two_flows</title>", f"<title>{ABOUT}</title>", drawn, count=1)
    PICTURE.write_text(drawn.rstrip() + "\n", encoding="utf-8")


if __name__ == "__main__":
    draw()
