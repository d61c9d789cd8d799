"""The picture of the two flows was drawn from its current source, with all boxes and arrows."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from docs.generate.picture import ABOUT, PICTURE, SOURCE, mark

_SVG = "{http://www.w3.org/2000/svg}"
_HINT = "run: make picture"


def read_picture(kind: str) -> dict[str, list[str]]:
    """Return the lines of text of the picture's boxes (`node`) or arrows (`edge`), by title."""
    root = ElementTree.parse(PICTURE).getroot()
    groups = [group for group in root.iter(f"{_SVG}g") if group.get("class") == kind]
    return {str(group.findtext(f"{_SVG}title")): [str(text.text) for text in group.iter(f"{_SVG}text")]
            for group in groups}  # fmt: skip


def read_source(pattern: str) -> dict[str, list[str]]:
    """Return the lines of the labels in the source's statements that match a pattern, by name."""
    labels = {}
    for name, attributes in re.findall(rf"^\s+({pattern})\s*\[(.*)\];$", SOURCE.read_text(), re.MULTILINE):
        label = re.search(r'label="(.*?)"', attributes)
        labels[re.sub(r"\s+", "", name)] = [line.strip() for line in label[1].split(r"\n")] if label else []
    return {name: lines for name, lines in labels.items() if name not in {"graph", "node", "edge"}}


def test_it_was_drawn_from_the_current_source() -> None:
    assert f"<!-- {mark(SOURCE.read_bytes())} -->" in PICTURE.read_text(encoding="utf-8"), _HINT


def test_it_has_all_boxes_and_arrows_with_their_labels() -> None:
    boxes, arrows = read_source(r"\w+"), read_source(r"\w+ -> \w+")
    assert len(boxes) == len(arrows) == 8
    assert read_picture("node") == boxes, _HINT
    sides = {
        re.sub(r":[ns]", "", name): [line.strip() for line in lines] for name, lines in read_picture("edge").items()
    }
    assert sides == arrows, _HINT


def test_it_is_readable_on_white_and_black_pages() -> None:
    root = ElementTree.parse(PICTURE).getroot()
    assert ABOUT in PICTURE.read_text(encoding="utf-8")
    fills = {path.get("fill") for path in root.iter(f"{_SVG}path")} - {"none"}
    assert fills
    assert not [fill for fill in fills if _light(str(fill)) <= 0.7], "dark text needs light boxes"
    lines = {path.get("stroke") for path in root.iter(f"{_SVG}path")}
    assert not [line for line in lines if not (0.1 < _light(str(line)) < 0.4)], (
        "lines must contrast with white and black"
    )
    assert not [box for box in root.iter(f"{_SVG}polygon") if box.get("fill") == "white"], (
        "the background must be transparent"
    )


def _light(colour: str) -> float:
    """Return the relative luminance of #rrggbb, as defined in WCAG."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
