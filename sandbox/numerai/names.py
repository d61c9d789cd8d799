"""Names that look like Numerai's: features, stock tickers and token symbols, always the same ones."""

from __future__ import annotations

import itertools
import random
import zlib
from functools import cache

_FIRST = ("tidal", "sunken", "agile", "mellow", "brisk", "polar", "amber", "quiet")
_SECOND = ("unlit", "woven", "coastal", "nimble", "granite")
_LAST = ("heron", "lantern", "orchard", "compass", "willow", "harbor", "meadow")

CLASSIC_FEATURES = tuple(
    f"feature_{first}_{second}_{_LAST[place % len(_LAST)]}"
    for place, (first, second) in enumerate(itertools.product(_FIRST, _SECOND))
)
SMALL, MEDIUM = 16, 28
"""The numbers of features in the feature sets `small` and `medium`."""

SIGNALS_FEATURES = tuple(
    f"feature_{name}"
    for name in (
        "adv_20d_factor", "beta_factor", "book_to_price_factor", "dividend_yield_factor", "earnings_yield_factor",
        "growth_factor", "impact_cost_factor", "market_cap_factor", "momentum_12w_factor", "momentum_26w_factor",
        "momentum_52w_factor", "momentum_52w_less_4w_factor", "ppo_60d_130d_country_ranknorm",
        "ppo_60d_90d_country_ranknorm", "price_factor", "rsi_130d_country_ranknorm", "rsi_60d_country_ranknorm",
        "rsi_90d_country_ranknorm", "trix_130d_country_ranknorm", "trix_60d_country_ranknorm", "value_factor",
        "volatility_factor",
    )
)  # fmt: skip

CRYPTO_FEATURES = tuple(
    f"feature_{name}_{days}d"
    for name in (
        "bollinger", "close_avg", "close_ewa", "market_cap_avg", "market_cap_ewa", "momentum",
        "relative_strength_index", "sharpe_ratio", "volatility", "volume_avg", "volume_ewa",
    )
    for days in (20, 60)
)  # fmt: skip

_COUNTRIES = ("US", "US", "US", "JP", "GB", "DE", "FR", "CA", "KR", "TW", "AU", "CH", "SE", "BR")
_TOKENS = ("BTC", "ETH", "NMR", "SOL", "ADA", "XRP", "DOGE", "LTC", "LINK", "DOT", "AVAX", "ATOM", "FIL", "XLM", "UNI")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _words(seed: str, count: int, shortest: int, longest: int) -> list[str]:
    rng = random.Random(seed)  # noqa: S311 - names, not secrets
    words: dict[str, None] = {}
    while len(words) < count:
        words["".join(rng.choices(_LETTERS, k=rng.randint(shortest, longest)))] = None
    return list(words)


@cache
def tickers(count: int = 480) -> tuple[str, ...]:
    """Return stocks in the form of `numerai_ticker`, such as "ZURN CH"."""
    words = _words("tickers", count, 2, 4)
    return tuple(sorted(f"{word} {_COUNTRIES[place % len(_COUNTRIES)]}" for place, word in enumerate(words)))


def figi(ticker: str) -> str:
    """Return a composite FIGI for a ticker."""
    number = zlib.crc32(ticker.encode())
    return "BBG" + "".join("0123456789BCDFGHJKLMNPQRSTVWXYZ"[number // 31**place % 31] for place in range(9))


@cache
def symbols(count: int = 340) -> tuple[str, ...]:
    """Return token symbols, a few well-known ones first."""
    return tuple(dict.fromkeys((*_TOKENS, *_words("tokens", count, 3, 5))))[:count]
