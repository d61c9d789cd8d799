"""How Sphinx makes the site of these pages. They are Markdown that reads well on GitHub too: the same links work there.

Sphinx with MyST and Furo rather than MkDocs, whose releases have stopped: it knows the headings of every page, so a
link to one that is gone is an error (`-W`), it needs no plug-in for that, and all three are kept well.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

project = "Prediction nodes"
author = "The prediction-nodes authors"
copyright = f"2026, {author}. MIT licence"  # noqa: A001 - Sphinx' own name
extensions = ["myst_parser"]
exclude_patterns = ["generate"]
html_theme = "furo"
html_title = "Prediction nodes"
html_static_path: list[str] = []
html_show_sphinx = False
myst_heading_anchors = 4
myst_enable_extensions = ["attrs_inline", "deflist"]
# Pages that others write are taken by pattern (index.md); a pattern may have none yet.
suppress_warnings = ["toc.empty_glob"]
linkcheck_ignore = [r"http://localhost.*", r"http://127\.0\.0\.1.*"]
linkcheck_retries = 2
linkcheck_timeout = 30


def repository() -> str:
    """Where the files of this checkout are shown on the web, with a slash at its end; nothing when nobody knows."""
    if "GITHUB_REPOSITORY" in os.environ:
        return f"{os.environ['GITHUB_SERVER_URL']}/{os.environ['GITHUB_REPOSITORY']}/blob/HEAD/"
    asked = ["git", "config", "--get", "remote.origin.url"]
    origin = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    if not origin.startswith(("https://github.com/", "git@github.com:")):
        return ""
    return "https://github.com/" + origin.split("github.com")[1][1:].removesuffix(".git") + "/blob/HEAD/"


class FilesOfTheRepository(SphinxTransform):
    """Links that lead out of docs/ (../examples, ../LICENSE) lead to the repository; where it is unknown, to the
    checkout beside the site. A file that is not there is a warning, and so an error."""

    default_priority = 5  # before Sphinx makes downloads of them

    def apply(self, **_: Any) -> None:
        """Once for each page."""
        page = Path(self.env.doc2path(self.env.docname))
        for link in list(self.document.findall(nodes.Element)):
            address = link.get("reftarget") or link.get("refuri") or ""
            path, _hash, anchor = address.partition("#")
            if "://" in path or not path.startswith("../"):
                continue
            target = Path(os.path.normpath(page.parent / path))
            if target.is_relative_to(HERE):
                continue
            if not target.exists() or not target.is_relative_to(ROOT):
                self.document.reporter.warning(f"there is no {path}", base_node=link)
            inside = target.relative_to(ROOT).as_posix() + ("#" + anchor if anchor else "")
            up = "../" * (2 + len(page.relative_to(HERE).parts) - 1)
            made = nodes.reference("", "", *link.children, refuri=(repository() or up) + inside, internal=False)
            link.replace_self(made)


def setup(app: Sphinx) -> dict[str, Any]:
    """Sphinx asks for this."""
    app.add_transform(FilesOfTheRepository)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
