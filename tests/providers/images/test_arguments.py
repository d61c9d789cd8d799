"""The build arguments and the files of a build, which are the same for the clouds' builders and for `pnodes run`."""

from __future__ import annotations

from pathlib import Path

from nodefile import Node, Size, Tournament
from providers.images.arguments import build_arguments, make_context


def node(folder: Path, context: str, source: str) -> Node:
    return Node(
        name="alice", model="alice", tournament=Tournament.CLASSIC, account=None, cloud="aws", region="us-east-1",
        size=Size(preset=None, cpu=1, memory=2048), source=folder / source, context=folder / context, timeout=60,
        disk=None, schedule=None, env={}, command=None, tags={}, enabled=True,
    )  # fmt: skip


def test_the_source_path_is_relative_to_the_context(tmp_path: Path) -> None:
    shared = node(tmp_path, ".", "models/one")
    assert build_arguments(shared, "id") == {"SRC_PATH": "models/one", "MODEL_ID": "id", "NODE": "alice"}
    assert build_arguments(node(tmp_path, "one", "one"), "id")["SRC_PATH"] == "."


def test_only_a_shared_context_is_sent_in_part(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM python\nARG SRC_PATH\nCOPY $SRC_PATH/predict.py .\n")
        (tmp_path / name / "predict.py").touch()
        (tmp_path / name / "notes.md").touch()
    assert make_context(node(tmp_path, ".", "one")).files == ["one/Dockerfile", "one/predict.py"]
    assert make_context(node(tmp_path, "two", "two")).files == ["Dockerfile", "notes.md", "predict.py"]
