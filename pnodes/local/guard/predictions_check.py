"""Check whether Numerai would accept predictions, as far as possible without asking it: columns, ids, values.

If the run has downloaded the live data, the ids are compared with it: Classic needs all of them, Signals and Crypto at
least a hundred. Uses only the standard library, and pandas if the model's environment has it.
"""

from __future__ import annotations

import csv
import io
import math

SIGNALS = 11
MIN_TICKERS = 100
VALUES = ("prediction", "signal", "probability")
IGNORED = ("date", "friday_date", "data_type")


class Refused(Exception):
    """Numerai would refuse the predictions; the message gives the reason."""


def check(tournament: int, text: str, live: tuple[str, set[str]] | None = None) -> str:
    """Check predictions and return a summary. `live` is the id column's name and the live ids. Raises Refused."""
    header, *rows = list(csv.reader(io.StringIO(text))) or [[""]]
    columns = [name for name in header if tournament != SIGNALS or name not in IGNORED]
    values = [name for name in columns if name in VALUES]
    if len(columns) != 2 or len(values) != 1:
        raise Refused(
            f"the columns of the predictions: expected ids and one of {', '.join(VALUES[:2])}, got {', '.join(header)}"
        )
    id_column = next(name for name in columns if name != values[0])
    at_id, at_value = header.index(id_column), header.index(values[0])
    rows = [row for row in rows if row]
    ids = [row[at_id] for row in rows]
    if not rows:
        raise Refused("the predictions have no rows")
    if not all(ids):
        raise Refused(f"{sum(not id_ for id_ in ids)} of {len(ids)} rows have no {id_column}")
    compared = _compare(tournament, id_column, ids, live)
    if len(set(ids)) < len(ids):
        twice = next(id_ for id_ in ids if ids.count(id_) > 1)
        raise Refused(f"{len(ids) - len(set(ids))} of {len(ids)} rows repeat an earlier {id_column}, such as {twice}")
    _check_values([row[at_value] for row in rows])
    return f"{len(rows)} rows, values between 0 and 1, no {id_column} twice{compared}"


def _compare(tournament: int, id_column: str, ids: list[str], live: tuple[str, set[str]] | None) -> str:
    if live is None or live[0] != id_column:
        return ""
    live_ids = live[1]
    predicted = live_ids.intersection(ids)
    needed = MIN_TICKERS if tournament in (SIGNALS, 12) else len(live_ids)
    if len(predicted) < needed:
        raise Refused(f"{len(predicted)} of the {len(live_ids)} live ids have a prediction, {needed} are needed")
    return f", {len(predicted)} of {len(live_ids)} live ids"


def _check_values(texts: list[str]) -> None:
    numbers = []
    for text in texts:
        try:
            numbers.append(float(text))
        except ValueError:
            numbers.append(math.nan)
    missing = sum(math.isnan(number) for number in numbers)
    if missing:
        raise Refused(f"{missing} of {len(texts)} rows have no prediction (NaN)")
    outside = [number for number in numbers if not 0 <= number <= 1]
    if outside:
        raise Refused(f"{len(outside)} of {len(texts)} predictions are not between 0 and 1, such as {outside[0]:g}")
    if len(set(numbers)) == 1:
        raise Refused("all predictions are the same")


def read_live_ids(filename: str, path: str) -> tuple[str, set[str]] | None:
    """Return the id column and the ids of downloaded live data; None for other files and for unreadable ones."""
    name = filename.rsplit("/", 1)[-1]
    if not name.startswith("live") or not name.endswith(".parquet") or "example" in name or "benchmark" in name:
        return None
    column = {"signals": "numerai_ticker", "crypto": "symbol"}.get(filename.split("/")[0], "id")
    try:
        import pandas

        try:
            frame = pandas.read_parquet(path, columns=[column])
        except (KeyError, ValueError):  # the column is the index
            frame = pandas.read_parquet(path, columns=[])
        return column, set(frame.reset_index()[column].astype(str))
    except Exception:  # noqa: BLE001 - a failing check must not stop a model
        return None
