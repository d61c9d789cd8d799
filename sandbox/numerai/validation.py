"""Validates submissions with the rules and messages of Numerai's published validator (numerai-tools 0.7).

Classic needs every live id; Signals and Crypto need at least a hundred of them. Rows outside the live universe are
dropped. Values must be between 0 and 1, and not all equal.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.numerai.accounts import Refused
from sandbox.numerai.tournaments import Tournament

if TYPE_CHECKING:
    import pandas as pd

ID_COLUMNS = {
    Tournament.CLASSIC: ("id",),
    Tournament.SIGNALS: ("numerai_ticker", "composite_figi"),
    Tournament.CRYPTO: ("symbol",),
}
VALUE_COLUMNS = {
    Tournament.CLASSIC: ("prediction", "probability"),
    Tournament.SIGNALS: ("prediction", "signal"),
    Tournament.CRYPTO: ("prediction", "signal"),
}
IGNORED_COLUMNS = ("date", "friday_date", "data_type")
MIN_TICKERS = 100


@dataclass(frozen=True)
class Valid:
    """The result for a valid submission: its rows in the universe, and their correlation with the target."""

    rows: int
    corr: float


def read(content: bytes) -> pd.DataFrame:
    """Parse an upload: Parquet if its first bytes say so, otherwise CSV. Raises Refused."""
    import pandas as pd

    try:
        if content.startswith(b"PAR1"):
            return pd.read_parquet(io.BytesIO(content)).reset_index()
        return pd.read_csv(io.BytesIO(content))
    except ValueError as error:
        raise Refused(f"invalid_submission: the file is neither CSV nor Parquet ({error})") from error


def _columns(tournament: Tournament, table: pd.DataFrame) -> tuple[str, str]:
    ids, values = ID_COLUMNS[tournament], VALUE_COLUMNS[tournament]
    columns = [str(name) for name in table.columns]
    if tournament is Tournament.SIGNALS:
        columns = [name for name in columns if name not in IGNORED_COLUMNS]
    if len(columns) != 2 or columns[0] not in ids or columns[1] not in values:
        raise Refused(
            f"invalid_submission_headers: headers must be one of {list(ids)} and one of {list(values)}, got {columns}"
        )
    return columns[0], columns[1]


def check(tournament: Tournament, table: pd.DataFrame, live: pd.DataFrame) -> Valid:
    """Check a submission against a live period. Raises Refused with Numerai's reason."""
    import pandas as pd

    id_column, value_column = _columns(tournament, table)
    if table[id_column].isna().any():
        raise Refused(f"invalid_submission_ids: Submission must not contain NaNs in the {id_column} column.")
    universe = live.reset_index().set_index(id_column)
    rows = table.assign(**{id_column: table[id_column].astype(str)})
    rows = rows[rows[id_column].isin(universe.index)]
    if rows[id_column].duplicated().any():
        raise Refused(f"invalid_submission_ids: Duplicates detected in {id_column} for live period.")
    needed = len(universe) if tournament is Tournament.CLASSIC else MIN_TICKERS
    if len(rows) < needed:
        raise Refused(
            "invalid_submission_ids: Not enough stocks submitted. Are you using the latest live ids or live universe?"
            f" ({len(rows)} of {len(table)} rows are in it, {needed} are needed)"
        )
    values = pd.to_numeric(rows.set_index(id_column)[value_column], errors="coerce")
    if values.isna().any():
        raise Refused("invalid_submission_values: submission must not contain NaNs")
    if not values.between(0, 1).all():
        raise Refused("invalid_submission_values: values must be between 0 and 1 exclusive")
    if values.std() < 1e-8:
        raise Refused("invalid_submission_values: submission must have non-zero standard deviation")
    target = universe[next(name for name in universe.columns if str(name).startswith("target"))].reindex(values.index)
    return Valid(len(values), float(values.rank().corr(target)))
