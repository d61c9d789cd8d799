"""Whether Numerai would take predictions, as far as that can be told without asking it: columns, ids, values.

Where the run has downloaded the live data, the ids are compared with it: Classic needs each of them, Signals and Crypto
at least a hundred. Standard library only, apart from pandas where the model itself has it.
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
    """Why Numerai would refuse the predictions."""


def check(tournament: int, text: str, live: tuple[str, set[str]] | None = None) -> str:
    """What is right about predictions, in words. `live` is the column of ids and the ids. Raises Refused."""
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
        raise Refused(f"{sum(not each for each in ids)} of {len(ids)} rows have no {id_column}")
    compared = _compare(tournament, id_column, ids, live)
    if len(set(ids)) < len(ids):
        twice = next(each for each in ids if ids.count(each) > 1)
        raise Refused(
            f"{len(ids) - len(set(ids))} of {len(ids)} rows have an {id_column} that was there before, such as {twice}"
        )
    _check_values([row[at_value] for row in rows])
    return f"{len(rows)} rows, values between 0 and 1, no {id_column} twice{compared}"


def _compare(tournament: int, id_column: str, ids: list[str], live: tuple[str, set[str]] | None) -> str:
    if live is None or live[0] != id_column:
        return ""
    known = live[1]
    mine = known.intersection(ids)
    needed = MIN_TICKERS if tournament in (SIGNALS, 12) else len(known)
    if len(mine) < needed:
        raise Refused(f"{len(mine)} of the {len(known)} live ids have a prediction, {needed} are needed")
    return f", {len(mine)} of {len(known)} live ids"


def _check_values(texts: list[str]) -> None:
    numbers = []
    for text in texts:
        try:
            numbers.append(float(text))
        except ValueError:
            numbers.append(math.nan)
    missing = sum(math.isnan(each) for each in numbers)
    if missing:
        raise Refused(f"{missing} of {len(texts)} rows have no prediction (NaN)")
    outside = [each for each in numbers if not 0 <= each <= 1]
    if outside:
        raise Refused(f"{len(outside)} of {len(texts)} predictions are not between 0 and 1, such as {outside[0]:g}")
    if len(set(numbers)) == 1:
        raise Refused("all predictions are the same")


def live_ids(filename: str, path: str) -> tuple[str, set[str]] | None:
    """The column of ids and the ids of downloaded live data; None for another file, or one that cannot be read."""
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
    except Exception:  # noqa: BLE001 - a check that cannot be made must not stop a model
        return None
