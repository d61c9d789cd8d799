"""How Sphinx makes the site of these pages. They are Markdown that reads well on GitHub too: the same links work there.

Sphinx with MyST and Furo rather than MkDocs, whose releases have stopped: it knows the headings of every page, so a
link to one that is gone is an error (`-W`), it needs no plug-in for that, and all three are kept well.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

project = "Prediction nodes"
author = "The prediction-nodes authors"
copyright = f"2026, {author}. MIT licence"  # noqa: A001 - Sphinx' own name
extensions = ["myst_parser", "sphinx_copybutton"]
copybutton_prompt_text = "$ "
exclude_patterns = ["generate", "static"]
highlight_language = "none"
html_theme = "furo"
html_title = "Prediction nodes"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_sphinx = False
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline", "deflist"]
linkcheck_ignore = [r"http://localhost.*", r"http://127\.0\.0\.1.*"]
linkcheck_retries = 2
linkcheck_timeout = 30


@functools.cache
def repository() -> str:
    """Where the files of this checkout are shown on the web, with a slash at its end; nothing when nobody knows."""
    if "GITHUB_REPOSITORY" in os.environ:
        return f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}/blob/HEAD/"
    asked = ["git", "config", "--get", "remote.origin.url"]
    origin = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    if not origin.startswith(("https://github.com/", "git@github.com:")):
        return ""
    return "https://github.com/" + origin.split("github.com")[1][1:].removesuffix(".git") + "/blob/HEAD/"


def lead_out(app: Sphinx, page: str, source: list[str]) -> None:
    """Links that lead out of docs/ (../examples, ../LICENSE) lead to the repository; where that is unknown, the file is
    only named, because it is not part of the site. A file that is not there is a warning, and so an error."""
    folder = app.env.doc2path(page).parent

    def out(link: re.Match[str]) -> str:
        path, hash_, anchor = link[2].partition("#")
        target = Path(os.path.normpath(folder / path))
        if target.is_relative_to(HERE):
            return link[0]
        if not target.exists() or not target.is_relative_to(ROOT):
            logger.warning("there is no %s", path, location=page)
        name = target.relative_to(ROOT).as_posix()
        if not repository():
            return link[1] if name in link[1] else f"{link[1]} (`{name}` in the project)"
        # The mark tells MyST to take the address as it is.
        return f"[{link[1]}]({repository()}{name}{hash_}{anchor}){{.external}}"

    source[0] = re.sub(r"\[([^\[\]]*)\]\((\.\./[^)\s]*)\)", out, source[0])


def only_what_is_there(_app: Sphinx, page: str, source: list[str]) -> None:
    """The lists of index.md take pages by pattern; one that finds none yet is no mistake."""
    if page == "index":
        lines = source[0].splitlines(keepends=True)
        patterns = {line for line in lines if re.fullmatch(r"[\w/-]+\*\n", line)}
        source[0] = "".join(line for line in lines if line not in patterns or any(HERE.glob(line.strip() + ".md")))


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx asks for this."""
    app.connect("source-read", lead_out)
    app.connect("source-read", only_what_is_there)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
