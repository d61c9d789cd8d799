"""Render a snapshot as HTML: the whole page, or the parts that an open page replaces.

The style and the script are inline, so that the page works from a server and from a file. The content security policy
allows them by their hashes, so that the browser applies no other script or style, whatever text the page contains.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2
from markupsafe import Markup

from pnodes import wording
from pnodes.dashboard import words
from pnodes.dashboard.clocks import build_clock, summarise
from pnodes.dashboard.view import NodeView, build_node_view
from pnodes.dashboard.watch import Snapshot
from providers.clouds import find_cloud
from providers.prices import AS_OF

_FOLDER = files("pnodes.dashboard")
_KINDS = ("bad", "warn", "busy", "good", "none", "disabled")
"""The states in the order in which the table sorts them."""


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
    node: str
    title: str
    lines: Sequence[tuple[str, str]]
    status: str


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_load_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    filters = {"iso": wording.stamp, "moment": words.moment, "day": wording.day}
    environment.filters.update(filters, duration=words.duration, usd=words.usd)
    environment.filters.update(nmr=words.nmr, scores=wording.describe_scores)
    environment.filters["cloud_title"] = lambda name: find_cloud(name).title
    environment.filters.update(amount_usd=wording.usd, amount_nmr=wording.nmr)
    environment.globals.update(plural=words.plural, log_id=log_id)
    return environment


def _load_template(name: str) -> str:
    """Return a template without its indentation, which would be a quarter of a report."""
    return re.sub(r"(?m)^[ \t]+", "", (_FOLDER / "templates" / name).read_text(encoding="utf-8"))


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


def render_parts(
    snapshot: Snapshot, logs: Mapping[str, Log] | None = None, now: datetime | None = None, opened: str = ""
) -> list[Part]:
    """Render the page's parts in their order: the clocks, the table, and a card for each node.

    `logs` are the logs in a report, by id; None for the served page, which requests logs when they are opened, and has
    the details of the node `opened` alone.
    """
    now = now or datetime.now(UTC)
    nodes = [build_node_view(snapshot, name, now) for name in snapshot.deployment.nodes]
    clocks = [build_clock(snapshot, name, nodes, now) for name in snapshot.deployment.tournaments]
    shared: dict[str, Any] = {"now": now, "logs": logs, "live": logs is None, "nodes": nodes}
    week = [(view, alert) for view in nodes for alert in view.alerts if alert.at > now - timedelta(days=7)]
    top = {
        "clocks": clocks,
        "summary": summarise(snapshot, nodes),
        "problems": snapshot.problems,
        "alerts": sorted(week, key=lambda pair: pair[1].at, reverse=True),
        "idle": all(view.state.text == "never ran" for view in nodes),
    }
    table = {"clocks": {clock.tournament: clock for clock in clocks}, "labels": _name_scores(nodes), "order": _KINDS}
    parts = [Part("top", _render(snapshot, "top.html", **shared, **top))]
    parts += [Part("table", _render(snapshot, "table.html", **shared, **table))] if nodes else []
    for view in nodes:
        name = view.node.name
        own = [log for log in (logs or {}).values() if log.node == name]
        detailed = logs is not None or name == opened
        entries = {entry.run.id: entry for entry in view.entries if entry.run}
        values = {"view": view, "entries": entries, "detailed": detailed, "node_logs": own}
        parts.append(Part(f"node-{name}", _render(snapshot, "node.html", **shared, **values)))
    return parts


def _name_scores(nodes: Sequence[NodeView]) -> list[str]:
    """Return the headings of the scores, whose names differ between tournaments: CORR / Alpha, MMC / MPC."""
    names = [list(view.scores.means) for view in nodes if view.scores]
    return [" / ".join(dict.fromkeys(labels)) for labels in zip(*filter(None, names), strict=False)]


def render_page(snapshot: Snapshot, parts: Sequence[Part], live: bool = True) -> str:
    """Render the whole document: the served page, or a report."""
    style, script = read_asset("page.css"), read_asset("page.js")
    now = datetime.now(UTC)
    values = {
        "title": snapshot.deployment.title,
        "parts": [(part, Markup(part.html)) for part in parts],  # noqa: S704 - rendered by the templates here, which escape
        "now": now,
        "zone": wording.zone(now),
        "prices": AS_OF,
        "live": live,
        "style": Markup(style),  # noqa: S704 - files of this package
        "script": Markup(script),  # noqa: S704
        "policy": build_policy("'none'", style, script),
    }
    return _environment().get_template("page.html").render(**values)


def _render(snapshot: Snapshot, template: str, **values: Any) -> str:
    return snapshot.scrubber.scrub(_environment().get_template(template).render(**values))
