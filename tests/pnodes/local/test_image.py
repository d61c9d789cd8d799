"""The local folder in which a node's command runs, for common layouts of Dockerfiles."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodefile import Node, Size, Tournament
from pnodes.errors import UserError
from pnodes.local.image import Image, default_command, is_python, read_image

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
    return read_image(node, "id")


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
    parsed = image(shared, SHARED.format(install="RUN pip install ./common"))
    assert parsed.folder == shared / "model_1"
    assert parsed.elsewhere == []


def test_python_finds_a_shared_package_that_is_only_copied(shared: Path) -> None:
    parsed = image(shared, SHARED.format(install=""))
    assert parsed.folder == shared / "model_1"
    assert parsed.importable() == [shared]


def test_an_image_with_the_whole_context_runs_in_the_context(shared: Path) -> None:
    parsed = image(shared, "FROM python\nWORKDIR /app\nCOPY . .\nCMD python model_1/predict.py\n")
    assert parsed.folder == shared
    assert parsed.here("/app/model_1/predict.py") == str(shared / "model_1" / "predict.py")


def test_an_image_with_sibling_folders_runs_in_their_parent(shared: Path) -> None:
    parsed = image(shared, "FROM python\nWORKDIR /app\nCOPY common common\nCOPY model_1 model_1\n")
    assert parsed.folder == shared


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
    parsed = image(shared, text)
    assert parsed.folder == shared / "model_1"
    assert parsed.variables == {"NUMERAI_PUBLIC_ID": "", "MODEL_ID": "id"}
    assert default_command(parsed) == ["python", "./predict.py"]


def test_paths_of_the_image_in_variables_are_mapped(shared: Path) -> None:
    text = (
        "FROM python\nENV A=/app/model.txt PYTHONPATH=/app/lib:/usr/lib PATH=/x:$PATH\nWORKDIR /app\nCOPY model_1 .\n"
    )
    parsed = image(shared, text)
    assert parsed.variables == {"A": f"{shared}/model_1/model.txt", "PYTHONPATH": f"{shared}/model_1/lib:/usr/lib"}


def test_the_node_s_command_replaces_cmd(shared: Path) -> None:
    text = 'FROM debian\nENTRYPOINT ["python3.12"]\nCMD ["predict.py"]\n'
    assert default_command(image(shared, text, ("other.py", "-v"))) == ["python3.12", "other.py", "-v"]
    assert is_python(image(shared, text))
    assert not is_python(image(shared, 'FROM rocker/r-ver:4.6.0\nCMD ["Rscript", "predict.R"]\n'))


def test_files_of_several_folders_need_a_container(shared: Path) -> None:
    parsed = image(shared, "FROM python\nWORKDIR /app\nCOPY common/common common\nCOPY common/pyproject.toml .\n"
                  "COPY common/common/__init__.py .\n")  # fmt: skip
    with pytest.raises(UserError, match=r"several folders .* Add --container"):
        _ = parsed.folder
