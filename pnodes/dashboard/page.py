"""Render a snapshot as HTML: the whole page, or the parts that an open page replaces.

The style and the script are inline, so that the page works from a server and from a file. The content security policy
allows them by their hashes, so that the browser applies no other script or style, whatever text the page contains.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from pnodes import wording
from pnodes.dashboard import words
from pnodes.dashboard.clocks import build_clock, summarise
from pnodes.dashboard.view import build_node_view
from pnodes.dashboard.watch import Snapshot
from providers.clouds import find_cloud
from providers.prices import AS_OF

_FOLDER = files("pnodes.dashboard")


@dataclass(frozen=True)
class Part:
    """A part of the page. The open page replaces it when its version changes."""

    id: str
    html: str

    @property
    def version(self) -> str:
        """A hash of the content."""
        return hashlib.sha256(self.html.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Log:
    """A log in a report: lines as (time, text), and how the run ended or why the log could not be read."""

    id: str
    title: str
    lines: Sequence[tuple[str, str]]
    status: str


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("pnodes.dashboard"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = {"iso": wording.stamp, "moment": words.moment, "day": wording.day}
    environment.filters.update(filters, duration=words.duration, usd=words.usd)
    environment.filters.update(nmr=words.nmr, scores=wording.describe_scores)
    environment.filters["cloud_title"] = lambda name: find_cloud(name).title
    environment.globals.update(plural=words.plural, log_id=log_id)
    return environment


def read_asset(name: str) -> str:
    """Return the text of page.css or page.js."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def build_policy(connect: str, style: str, script: str) -> str:
    """Return the content security policy that allows this style and script only.

    `connect` is the source expression of the addresses that the script may call.
    """
    allowed = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{allowed[0]}'; script-src 'sha256-{allowed[1]}'; "
        f"connect-src {connect}; img-src data:; base-uri 'none'; form-action 'none'"
    )


def log_id(node: str, run_id: str) -> str:
    """Return the anchor of a run's log in a report."""
    return f"log-{node}-{run_id}"


def render_parts(snapshot: Snapshot, logs: Mapping[str, Log] | None = None, now: datetime | None = None) -> list[Part]:
    """Render the page's parts in their order.

    `logs` are the logs in a report, by id; None for the served page, which requests logs when they are opened.
    """
    now = now or datetime.now(UTC)
    nodes = [build_node_view(snapshot, name, now) for name in snapshot.deployment.nodes]
    clocks = [build_clock(snapshot, name, nodes, now) for name in snapshot.deployment.tournaments]
    shared: dict[str, Any] = {"now": now, "logs": logs, "live": logs is None}
    top = {"clocks": clocks, "summary": summarise(snapshot, nodes), "nodes": nodes, "problems": snapshot.problems}
    parts = [Part("top", _render(snapshot, "top.html", **shared, **top))]
    for view in nodes:
        entries = {trigger.entry.run.id: trigger.entry for trigger in view.triggers if trigger.entry.run}
        card = _render(snapshot, "node.html", **shared, view=view, entries=entries)
        parts.append(Part(f"node-{view.node.name}", card))
    return parts


def render_page(snapshot: Snapshot, parts: Sequence[Part], logs: Sequence[Log] | None = None) -> str:
    """Render the whole document: the served page if `logs` is None, otherwise a report."""
    style, script = read_asset("page.css"), read_asset("page.js")
    now = datetime.now(UTC)
    values = {
        "title": snapshot.deployment.title,
        "parts": [(part, Markup(part.html)) for part in parts],  # noqa: S704 - rendered by the templates here, which escape
        "log_section": Markup(_render(snapshot, "logs.html", logs=logs)) if logs is not None else "",  # noqa: S704
        "now": now,
        "zone": wording.zone(now),
        "prices": AS_OF,
        "live": logs is None,
        "style": Markup(style),  # noqa: S704 - files of this package
        "script": Markup(script),  # noqa: S704
        "policy": build_policy("'none'", style, script),
    }
    return _environment().get_template("page.html").render(**values)


def _render(snapshot: Snapshot, template: str, **values: Any) -> str:
    return snapshot.scrubber.scrub(_environment().get_template(template).render(**values))
