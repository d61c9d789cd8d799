"""Replace methods of numerapi in a run that does not submit.

Predictions are checked and written to a file, requests that would change anything at Numerai are refused, and downloads
work as usual. The module must run with any Python from 3.9 on and any version of numerapi, so it uses only the standard
library and finds methods by name. PNODES_PREDICTIONS is the folder for predictions, PNODES_PREDICTIONS_SHOWN its name
in messages, and PNODES_MODEL the model's name if nodes.yaml has it.
"""

from __future__ import annotations

import functools
import inspect
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import predictions_check

NOT_SUBMITTED = "not-submitted"
_HOW = "`pnodes run --submit` does"
Method = Callable[..., Any]
_live: dict[int, tuple[str, set[str]]] = {}


def guard(module: ModuleType) -> None:
    """Replace the methods of the classes that a module of numerapi defines."""
    for value in list(vars(module).values()):
        if isinstance(value, type) and value.__module__ == module.__name__:
            for name, replace in _REPLACED.items():
                if name in vars(value):
                    setattr(value, name, replace(vars(value)[name]))


def _say(sentence: str) -> None:
    print("pnodes: " + sentence, file=sys.stderr, flush=True)


def _bind(method: Method, self: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments by the names that this version of numerapi uses."""
    bound = inspect.signature(method).bind(self, *args, **kwargs)
    bound.apply_defaults()
    return dict(bound.arguments)


def _predictions(method: Method) -> Method:
    @functools.wraps(method)
    def upload_predictions(self: Any, *args: Any, **kwargs: Any) -> Any:
        arguments = _bind(method, self, args, kwargs)
        frame, path = arguments.get("df"), str(arguments.get("file_path"))
        content = Path(path).read_bytes() if frame is None else frame.to_csv(index=False).encode()
        tournament = arguments.get("tournament") or getattr(self, "tournament_id", 0) or 8
        shown = _keep(content)
        if content.startswith(b"PAR1"):
            _say(f"predictions (Parquet, not checked) written to {shown}, not submitted ({_HOW})")
            return NOT_SUBMITTED
        try:
            verdict = predictions_check.check(tournament, content.decode("utf-8-sig"), _live.get(tournament))
        except predictions_check.Refused as refused:
            _say(f"Numerai would refuse the predictions in {shown}")
            raise ValueError(str(refused)) from None
        _say(f"{verdict}; predictions written to {shown}, not submitted ({_HOW})")
        return NOT_SUBMITTED

    return upload_predictions


def _keep(content: bytes) -> str:
    """Write the content to a new file in the folder for predictions; returns its name for messages."""
    folder = Path(os.environ["PNODES_PREDICTIONS"])
    suffix = ".parquet" if content.startswith(b"PAR1") else ".csv"
    name = "predictions-" + time.strftime("%Y%m%d-%H%M%S")
    for number in range(1, 1000):
        path = folder / (name + (f"-{number}" if number > 1 else "") + suffix)
        try:
            with path.open("xb") as file:
                file.write(content)
        except FileExistsError:
            continue
        return os.environ.get("PNODES_PREDICTIONS_SHOWN", str(folder)) + "/" + path.name
    raise OSError(f"{folder} already has too many predictions of this second")


def _other_upload(method: Method) -> Method:
    @functools.wraps(method)
    def upload(self: Any, *args: Any, **kwargs: Any) -> Any:
        _say(f"{method.__name__} sent nothing to Numerai ({_HOW})")
        return NOT_SUBMITTED

    return upload


def _query(method: Method) -> Method:
    @functools.wraps(method)
    def raw_query(self: Any, query: str, *args: Any, **kwargs: Any) -> Any:
        arguments = _bind(method, self, (query, *args), kwargs)
        if re.match(r"\s*mutation\b", query):
            raise ValueError(f"this run changes nothing at Numerai ({_HOW}); the query was a mutation")
        if arguments.get("authorization"):
            raise ValueError(f"the query needs API keys, which this run does not have ({_HOW})")
        return method(self, query, *args, **kwargs)

    return raw_query


def _models(method: Method) -> Method:
    @functools.wraps(method)
    def get_models(self: Any, *args: Any, **kwargs: Any) -> Any:
        name = os.environ.get("PNODES_MODEL")
        if name:
            return {name: os.environ["MODEL_ID"]}
        raise ValueError(
            f"get_models() needs API keys, which this run does not have ({_HOW}). MODEL_ID in the environment is the "
            "model's id, here and in the cloud."
        )

    return get_models


def _download(method: Method) -> Method:
    @functools.wraps(method)
    def download_dataset(self: Any, *args: Any, **kwargs: Any) -> Any:
        path = method(self, *args, **kwargs)
        filename = str(_bind(method, self, args, kwargs).get("filename", ""))
        ids = predictions_check.read_live_ids(filename, path)
        if ids is not None:
            _live[getattr(self, "tournament_id", 0) or 8] = ids
        return path

    return download_dataset


_REPLACED = {
    "upload_predictions": _predictions,
    "upload_diagnostics": _other_upload,
    "model_upload": _other_upload,
    "raw_query": _query,
    "get_models": _models,
    "download_dataset": _download,
}
