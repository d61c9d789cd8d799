"""Where a node's command runs here, for the layouts that people's Dockerfiles have."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodefile import Node, Size, Tournament
from pnodes.local.image import Image, default_command, image_of, is_python
from pnodes.local.refused import CannotRun

FILES = ("common/common/__init__.py", "common/pyproject.toml", "model_1/predict.py", "model_1/requirements.txt")


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def image(shared: Path, dockerfile: str, command: tuple[str, ...] | None = None) -> Image:
    (shared / "model_1" / "Dockerfile").write_text(dockerfile)
    node = Node(
        name="alice", model="alice", tournament=Tournament.CLASSIC, account=None, cloud="aws", region="us-east-1",
        size=Size(preset=None, cpu=1, memory=2048), source=shared / "model_1", context=shared, timeout=60, disk=None,
        schedule=None, env={}, command=command, tags={}, enabled=True,
    )  # fmt: skip
    return image_of(node, "id")


SHARED = """\
FROM python:3.12-slim
WORKDIR /app
COPY model_1/requirements.txt .
RUN pip install -r requirements.txt
COPY common ./common
{install}
COPY model_1 .
CMD ["python", "predict.py"]
"""


def test_a_shared_package_that_is_installed(shared: Path) -> None:
    found = image(shared, SHARED.format(install="RUN pip install ./common"))
    assert found.folder == shared / "model_1"
    assert found.elsewhere == []


def test_a_shared_package_that_is_only_copied_is_found_by_python(shared: Path) -> None:
    found = image(shared, SHARED.format(install=""))
    assert found.folder == shared / "model_1"
    assert found.importable() == [shared]


def test_the_whole_context_runs_in_the_context(shared: Path) -> None:
    found = image(shared, "FROM python\nWORKDIR /app\nCOPY . .\nCMD python model_1/predict.py\n")
    assert found.folder == shared
    assert found.here("/app/model_1/predict.py") == str(shared / "model_1" / "predict.py")


def test_folders_side_by_side_run_where_they_are_side_by_side(shared: Path) -> None:
    found = image(shared, "FROM python\nWORKDIR /app\nCOPY common common\nCOPY model_1 model_1\n")
    assert found.folder == shared


def test_a_dockerfile_for_numerai_cli(shared: Path) -> None:
    text = """\
FROM python:3.9
ARG NUMERAI_PUBLIC_ID
ENV NUMERAI_PUBLIC_ID=$NUMERAI_PUBLIC_ID
ARG MODEL_ID
ENV MODEL_ID=$MODEL_ID
ARG SRC_PATH
ADD $SRC_PATH/requirements.txt .
RUN pip install -r requirements.txt --no-cache-dir
ADD $SRC_PATH .
CMD [ "python", "./predict.py" ]
"""
    found = image(shared, text)
    assert found.folder == shared / "model_1"
    assert found.variables == {"NUMERAI_PUBLIC_ID": "", "MODEL_ID": "id"}
    assert default_command(found) == ["python", "./predict.py"]


def test_values_that_are_paths_of_the_image(shared: Path) -> None:
    text = (
        "FROM python\nENV A=/app/model.txt PYTHONPATH=/app/lib:/usr/lib PATH=/x:$PATH\nWORKDIR /app\nCOPY model_1 .\n"
    )
    found = image(shared, text)
    assert found.variables == {"A": f"{shared}/model_1/model.txt", "PYTHONPATH": f"{shared}/model_1/lib:/usr/lib"}


def test_the_nodes_command_takes_the_place_of_cmd(shared: Path) -> None:
    text = 'FROM debian\nENTRYPOINT ["python3.12"]\nCMD ["predict.py"]\n'
    assert default_command(image(shared, text, ("other.py", "-v"))) == ["python3.12", "other.py", "-v"]
    assert is_python(image(shared, text))
    assert not is_python(image(shared, 'FROM rocker/r-ver:4.6.0\nCMD ["Rscript", "predict.R"]\n'))


def test_files_from_everywhere_are_for_a_container(shared: Path) -> None:
    found = image(shared, "FROM python\nWORKDIR /app\nCOPY common/common common\nCOPY common/pyproject.toml .\n"
                  "COPY common/common/__init__.py .\n")  # fmt: skip
    with pytest.raises(CannotRun, match=r"several folders .* Add --container"):
        _ = found.folder
