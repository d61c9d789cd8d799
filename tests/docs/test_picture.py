"""The picture of the two flows is the one of its source: drawn from this very text, with all its boxes and arrows."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from docs.generate.picture import ABOUT, PICTURE, SOURCE, mark

_SVG = "{http://www.w3.org/2000/svg}"
_HINT = "run: make picture"


def drawn(kind: str) -> dict[str, list[str]]:
    """Title -> lines of text, of the picture's boxes (`node`) or arrows (`edge`)."""
    root = ElementTree.parse(PICTURE).getroot()
    groups = [group for group in root.iter(f"{_SVG}g") if group.get("class") == kind]
    return {str(group.findtext(f"{_SVG}title")): [str(text.text) for text in group.iter(f"{_SVG}text")]
            for group in groups}  # fmt: skip


def written(pattern: str) -> dict[str, list[str]]:
    """Name -> lines of its label, of the source's statements of a form."""
    found = {}
    for name, attributes in re.findall(rf"^\s+({pattern})\s*\[(.*)\];$", SOURCE.read_text(), re.MULTILINE):
        label = re.search(r'label="(.*?)"', attributes)
        found[re.sub(r"\s+", "", name)] = [line.strip() for line in label[1].split(r"\n")] if label else []
    return {name: lines for name, lines in found.items() if name not in {"graph", "node", "edge"}}


def test_it_was_drawn_from_this_text() -> None:
    assert f"<!-- {mark(SOURCE.read_bytes())} -->" in PICTURE.read_text(encoding="utf-8"), _HINT


def test_it_has_all_boxes_and_arrows_with_their_words() -> None:
    boxes, arrows = written(r"\w+"), written(r"\w+ -> \w+")
    assert len(boxes) == len(arrows) == 8
    assert drawn("node") == boxes, _HINT
    sides = {re.sub(r":[ns]", "", name): [line.strip() for line in lines] for name, lines in drawn("edge").items()}
    assert sides == arrows, _HINT


def test_it_shows_on_a_white_page_and_on_a_black_one() -> None:
    root = ElementTree.parse(PICTURE).getroot()
    assert ABOUT in PICTURE.read_text(encoding="utf-8")
    fills = {path.get("fill") for path in root.iter(f"{_SVG}path")} - {"none"}
    assert fills
    assert not [fill for fill in fills if _light(str(fill)) <= 0.7], "boxes carry dark text"
    lines = {path.get("stroke") for path in root.iter(f"{_SVG}path")}
    assert not [line for line in lines if not (0.1 < _light(str(line)) < 0.4)], "neither white nor black"
    assert not [box for box in root.iter(f"{_SVG}polygon") if box.get("fill") == "white"], "no ground of its own"


def _light(colour: str) -> float:
    """Relative luminance of #rrggbb, as WCAG has it."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
