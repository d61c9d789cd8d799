"""Sizes of containers: the presets of numerai-cli, and the parsing of vCPUs and memory."""

from __future__ import annotations

import re

from nodefile.problems import did_you_mean, format_value

# preset -> (CPU units, 1024 of which are one vCPU; MiB). Source: the constants of numerai-cli 1.1.7.
PRESETS: dict[str, tuple[int, int]] = {
    "gen-xs": (512, 2048),
    "gen-sm": (1024, 4096),
    "gen-md": (2048, 8192),
    "gen-lg": (4096, 16384),
    "gen-xl": (8192, 30720),
    "gen-2xl": (16384, 61440),
    "cpu-xs": (512, 1024),
    "cpu-sm": (1024, 2048),
    "cpu-md": (2048, 4096),
    "cpu-lg": (4096, 8192),
    "cpu-xl": (8192, 16384),
    "cpu-2xl": (16384, 30720),
    "mem-xs": (512, 4096),
    "mem-sm": (1024, 8192),
    "mem-md": (2048, 16384),
    "mem-lg": (4096, 30720),
    "mem-xl": (8192, 61440),
    "mem-2xl": (16384, 81920),
    "mem-3xl": (16384, 102400),
    "mem-4xl": (16384, 122880),
}
DEFAULT = "gen-sm"
MAX_VCPUS = 10_000  # rejects typing mistakes; each cloud's real limit is in providers/<cloud>/limits.py
_UNITS = {"MiB": 1, "GiB": 1024}
_AMOUNT = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*([A-Za-z]+)")


def check_preset(name: str) -> str:
    """Return the name of a preset unchanged. Raises ValueError for an unknown one."""
    if name in PRESETS:
        return name
    hint = did_you_mean(name, PRESETS)
    raise ValueError(f'there is no size "{name}".{hint or " The sizes are " + ", ".join(PRESETS) + "."}')


def parse_mebibytes(text: object, whole_gib: bool = False) -> int:
    """Return the MiB of an amount such as "8GiB" or "512MiB". Raises ValueError."""
    unit = "GiB" if whole_gib else "GiB or MiB"
    parts = _AMOUNT.fullmatch(text.strip()) if isinstance(text, str) else None
    if parts is None or parts[2] not in _UNITS:
        near = {"gb": "GiB", "g": "GiB", "gi": "GiB", "gib": "GiB", "mb": "MiB", "m": "MiB", "mi": "MiB", "mib": "MiB"}
        hint = ""
        if parts and parts[2].lower() in near:
            hint = f' Did you mean "{parts[1]}{near[parts[2].lower()]}"?'
        elif isinstance(text, int | float) and not isinstance(text, bool):
            hint = f' Did you mean "{text}GiB"?'
        raise ValueError(f'expected an amount with a unit ({unit}), such as "8GiB", got {format_value(text)}.{hint}')
    amount = float(parts[1]) * _UNITS[parts[2]]
    if amount <= 0 or amount != int(amount) or (whole_gib and amount % 1024):
        raise ValueError(f"expected a whole number of {'GiB' if whole_gib else 'MiB'} above zero, got {text!r}.")
    return int(amount)


def parse_gibibytes(text: object) -> int:
    """Return the whole GiB of an amount such as "50GiB". Raises ValueError."""
    return parse_mebibytes(text, whole_gib=True) // 1024


def check_vcpus(value: object) -> float:
    """Return a number of vCPUs above zero, in steps of 1/1024. Raises ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
        plain = isinstance(value, str) and re.fullmatch(r"[0-9]{1,4}(\.[0-9]+)?", value)
        hint = f" Write {value} without quotes." if plain else ""
        raise ValueError(f"expected a number of vCPUs above zero, such as 2 or 0.5, got {format_value(value)}.{hint}")
    if value > MAX_VCPUS:
        raise ValueError(f"{value:g} vCPUs are more than any cloud offers. Expected a number such as 2 or 0.5.")
    if value * 1024 != int(value * 1024):
        raise ValueError(f"expected vCPUs such as 0.25, 0.5, 1 or 2, got {value!r}.")
    return float(value)
