"""Run the R examples as their containers do, against the sandbox's Numerai under its real name.

The tests use this machine's R and packages (Debian: r-base-core r-cran-curl r-cran-jsonlite r-cran-ranger). If
nanoparquet, which no distribution packages, is missing, a substitute reads Parquet through pyarrow.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

from pnodes.engine.paths import ROOT
from providers.images.context import BuildContext
from tests.examples.reachable import Reachable, reachable_numerai

HERE = Path(__file__).parent / "r"
EXAMPLES = ROOT / "examples"
MODELS = {
    "tournament-r": "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c01",
    "signals-r": "5f0c8a31-6c1e-4f5b-9a35-0d1f6f1b7c02",
}
ROWS = {"tournament-r": 500, "signals-r": 400}
RSCRIPT = shutil.which("Rscript")
NEEDED = ("curl", "jsonlite", "ranger")
INSTALL = f"Debian: apt install r-base-core {' '.join(f'r-cran-{package}' for package in NEEDED)}"


def has_package(name: str) -> bool:
    """Return whether an R package is installed."""
    if RSCRIPT is None:
        return False
    code = f'quit(status = if (requireNamespace("{name}", quietly = TRUE)) 0 else 1)'
    return subprocess.run([RSCRIPT, "-e", code], capture_output=True).returncode == 0


@pytest.fixture(scope="session")
def r() -> None:
    """Skip the test without R and its packages; fail if PNODES_REQUIRE_R is set, as in CI."""
    missing = ["R itself"] if RSCRIPT is None else [package for package in NEEDED if not has_package(package)]
    if not missing:
        return
    reason = f"not installed on this machine: {', '.join(missing)} ({INSTALL})"
    if os.environ.get("PNODES_REQUIRE_R") == "1":
        pytest.fail(f"R is required here, but {reason}", pytrace=False)
    pytest.skip(f"no R: {reason}")


@pytest.fixture(scope="session")
def library(r: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the packages that the machine lacks into an R library."""
    folder = tmp_path_factory.mktemp("library")
    if not has_package("nanoparquet"):
        install = ["R", "CMD", "INSTALL", "--no-docs", f"--library={folder}", str(HERE / "nanoparquet")]
        done = subprocess.run(install, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder


@dataclass
class Container:
    """A folder with the image's files, and the container's environment."""

    folder: Path
    environment: dict[str, str]
    outputs: list[str] = field(default_factory=list)

    def run(self, script: str, **env: str) -> int:
        """Run a script and return its exit code."""
        assert RSCRIPT is not None
        done = subprocess.run(
            [RSCRIPT, script],
            cwd=self.folder,
            env={**self.environment, **env},
            capture_output=True,
            text=True,
            timeout=300,
        )
        self.outputs.append(done.stdout + done.stderr)
        return done.returncode

    @property
    def log(self) -> str:
        """The output of the last script."""
        return self.outputs[-1]


Open = Callable[[str, Path, Reachable], Container]
"""open(example, an empty folder, Numerai) -> a container of the example, without a model file."""


@pytest.fixture(scope="session")
def open_container(library: Path) -> Open:
    def open_(example: str, home: Path, reachable: Reachable) -> Container:
        folder = home / "app"
        folder.mkdir(parents=True)
        for name in BuildContext(EXAMPLES / example, EXAMPLES / example / "Dockerfile").files:
            if name != "model.rds":
                shutil.copy(EXAMPLES / example / name, folder / name)
        libraries = os.pathsep.join(filter(None, [str(library), os.environ.get("R_LIBS")]))
        environment = {
            "PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TMPDIR": str(home),
            "R_LIBS": libraries, "R_PROFILE_USER": str(HERE / "profile.R"), "PYTHON_WITH_PYARROW": sys.executable,
            "NUMERAI_PUBLIC_ID": reachable.numerai.public_id, "NUMERAI_SECRET_KEY": reachable.numerai.secret_key,
            "MODEL_ID": MODELS[example], **reachable.environment,
        }  # fmt: skip
        return Container(folder, environment)

    return open_


Train = Callable[[str], Container]


@pytest.fixture(scope="session")
def train(open_container: Open, tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Return a function that trains an example with train.R at its first call; training takes most of the time."""

    @cache
    def train_(example: str) -> Container:
        home = tmp_path_factory.mktemp(example)
        with reachable_numerai(home / "numerai") as reachable:
            container = open_container(example, home / "container", reachable)
            assert container.run("train.R") == 0, container.log
        return container

    return train_


@pytest.fixture
def untrained(example: str, tmp_path: Path, open_container: Open, reachable: Reachable) -> Container:
    return open_container(example, tmp_path / "container", reachable)


@pytest.fixture
def container(example: str, untrained: Container, train: Train) -> Container:
    """A container whose image contains the trained model."""
    shutil.copy(train(example).folder / "model.rds", untrained.folder)
    return untrained


of_each = pytest.mark.parametrize("example", list(MODELS))
of_one = pytest.mark.parametrize("example", ["tournament-r"])  # the code is the same in both


@of_each
def test_without_a_model_file_it_trains_predicts_and_submits(
    example: str, untrained: Container, reachable: Reachable
) -> None:
    numerai, container, model = reachable.numerai, untrained, MODELS[example]
    numerai.set_webhook(model, "https://hooks.example.com/")
    (trigger,) = numerai.open_round()["triggers"]
    assert container.run("predict.R", TRIGGER_ID=trigger["trigger_id"], ROUND_NUMBER="1001") == 0, container.log
    (record,) = numerai.submissions()
    assert (record["model_id"], record["rows"]) == (model, ROWS[example])
    assert (record["trigger_id"], record["known_trigger"]) == (trigger["trigger_id"], True)
    assert record["corr"] > 0.25  # chance has a standard deviation of about 0.05
    assert "training a small model" in container.log
    assert f"submitted: {record['id']}" in container.log
    assert numerai.secret_key not in container.log


@of_each
def test_with_a_model_file_it_only_predicts(
    example: str, container: Container, train: Train, reachable: Reachable
) -> None:
    reachable.numerai.open_round()
    assert "held-out" in train(example).log
    assert container.run("predict.R") == 0, container.log
    assert "loaded model.rds" in container.log
    assert "trained" not in container.log
    (record,) = reachable.numerai.submissions()
    assert record["corr"] > 0.25
    assert record["trigger_id"] is None
    for folder in (container.folder, train(example).folder):
        created = {path.name for path in folder.iterdir()} - {path.name for path in (EXAMPLES / example).iterdir()}
        assert created - {"data", "model.rds"} == set()


@of_one
@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"MODEL_ID": ""}, "MODEL_ID is not set"),
        ({"NUMERAI_SECRET_KEY": "WRONG"}, "Numerai rejected the request: Invalid API key. Check the API keys"),
        ({"MODEL_ID": MODELS["signals-r"]}, "Numerai rejected the request: Invalid tournament"),
    ],
)
def test_a_failure_is_reported_in_one_sentence(
    container: Container, reachable: Reachable, env: dict[str, str], sentence: str
) -> None:
    reachable.numerai.open_round()
    assert container.run("predict.R", **env) == 1
    assert sentence in container.log
    assert "Traceback" not in container.log
    assert reachable.numerai.submissions() == []


@of_each
def test_a_model_of_another_data_version_is_not_used(container: Container, reachable: Reachable) -> None:
    reachable.numerai.open_round()
    code = container.folder / "model.R"
    text = code.read_text()
    (version,) = re.findall(r'^data_version <- "(.*)"$', text, re.MULTILINE)
    code.write_text(text.replace(version, version[:-3] + "9.0"))
    assert container.run("predict.R") == 1
    assert f"was trained on {version}, this code reads {version[:-3]}9.0: run train.R again." in container.log
    assert reachable.numerai.submissions() == []


@of_one
@pytest.mark.parametrize("failures", [1, 4])
def test_failed_requests_are_retried(
    container: Container, reachable: Reachable, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    reachable.numerai.open_round()
    app, left = reachable.numerai.app, [failures]

    async def flaky(scope: object, receive: object, send: object) -> None:
        if left[0]:
            left[0] -= 1
            await send({"type": "http.response.start", "status": 503, "headers": []})  # type: ignore[operator]
            await send({"type": "http.response.body", "body": b"busy"})  # type: ignore[operator]
            return
        await app(scope, receive, send)  # type: ignore[arg-type]

    monkeypatch.setattr(reachable.numerai, "app", flaky)
    code = container.folder / "numerai.R"
    code.write_text(code.read_text().replace("Sys.sleep(2^try)", "Sys.sleep(0.01)"))
    assert container.run("predict.R") == (0 if failures == 1 else 1), container.log
    assert "HTTP 503" in container.log
    assert len(reachable.numerai.submissions()) == (1 if failures == 1 else 0)
    assert ("no answer after 4 tries" in container.log) == (failures == 4)


def test_the_examples_share_their_client_of_numerai_and_their_image() -> None:
    for name in ("numerai.R", "Dockerfile", ".dockerignore", ".gitignore"):
        assert len({(EXAMPLES / example / name).read_text() for example in MODELS}) == 1, name


@of_each
def test_the_image_installs_every_package_in_use(example: str) -> None:
    code = "".join(path.read_text() for path in (EXAMPLES / example).glob("*.R"))
    used = set(re.findall(r"(\w+)::", code))
    recipe = (EXAMPLES / example / "Dockerfile").read_text()
    assert used - {"stats"} == {"curl", "jsonlite", "nanoparquet", "ranger"}
    assert not [package for package in used - {"stats"} if f"'{package}'" not in recipe]
