"""`pnodes run --container` with a fake engine that records its commands."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from pnodes.local.copies import list_outermost
from tests.pnodes.local.project import MODEL_ID, PACKAGES, Project

ENGINE = """\
#!{python}
import json, os, pathlib, shutil, subprocess, sys
home = pathlib.Path({home!r})
verb, rest = sys.argv[1], sys.argv[2:]
asked = {{"verb": verb, "arguments": rest, "LINES": os.environ.get("LINES")}}
if verb == "run":
    path = rest[rest.index("--env-file") + 1]
    asked["file"], asked["mode"] = open(path).read(), oct(os.stat(path).st_mode & 0o777)
if verb == "build":
    asked["context"] = sorted(str(p.relative_to(rest[-1])) for p in pathlib.Path(rest[-1]).rglob("*") if p.is_file())
with open(home / "calls", "a") as file:
    file.write(json.dumps(asked) + "\\n")
behaviour = json.loads((home / "behaviour").read_text())
if verb == "build":
    pathlib.Path(rest[rest.index("--iidfile") + 1]).write_text("sha256:abc")
if verb == "diff":
    print("\\n".join(behaviour.get("diff", [])))
if verb == "cp":
    inside = rest[0].split(":", 1)[1]
    pathlib.Path(rest[1], os.path.basename(inside)).write_text("from " + inside)
if verb == "inspect":
    print(behaviour.get("oom", "false"))
if verb == "run":
    print("output of the model", flush=True)
sys.exit(0 if verb == "diff" else behaviour.get(verb, 0))
"""


class FakePodman:
    """A fake podman; `behaviour` has exit codes by verb, and the output of `diff` and `inspect`."""

    def __init__(self, home: Path) -> None:
        self.home, self.bin = home, home / "bin"
        self.bin.mkdir(parents=True)
        (self.bin / "podman").write_text(ENGINE.format(python=sys.executable, home=str(home)))
        (self.bin / "podman").chmod(0o755)
        self.behave()

    def behave(self, **behaviour: Any) -> None:
        (self.home / "behaviour").write_text(json.dumps(behaviour))

    def recorded(self, verb: str) -> dict[str, Any]:
        lines = map(json.loads, (self.home / "calls").read_text().splitlines())
        (call,) = [line for line in lines if line["verb"] == verb]
        return dict(call)


@pytest.fixture
def engine(project: Project, tmp_path: Path) -> FakePodman:
    podman = FakePodman(tmp_path / "engine")
    project.env["PATH"] = f"{podman.bin}:/usr/bin:/bin"
    return podman


def pairs(arguments: list[str], option: str) -> list[str]:
    return [arguments[place + 1] for place, word in enumerate(arguments) if word == option]


def test_the_image_is_built_from_the_cloud_s_context(project: Project, engine: FakePodman) -> None:
    (project.model / ".dockerignore").write_text("secret.txt\n")
    (project.model / "secret.txt").write_text("x")
    done = project.run("--container")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "output of the model\n"
    built = engine.recorded("build")
    assert built["context"] == [".dockerignore", "Dockerfile", "predict.py"]
    assert pairs(built["arguments"], "--platform") == ["linux/amd64"]
    assert pairs(built["arguments"], "--build-arg") == ["SRC_PATH=.", f"MODEL_ID={MODEL_ID}", "NODE=alice"]


def test_the_container_has_the_node_s_limits_and_no_value_is_on_the_command_line(
    project: Project, engine: FakePodman
) -> None:
    project.node(size="{cpu: 0.5, memory: 1GiB}", env='{LEVEL: "very-own", LINES: "a\\nb"}')
    project.env |= {"NUMERAI_PUBLIC_ID": "REAL-ID", "NUMERAI_SECRET_KEY": "REAL-KEY"}
    done = project.run("--container", "--submit")
    assert done.returncode == 0, done.stderr
    ran = engine.recorded("run")
    words = ran["arguments"]
    assert [pairs(words, option) for option in ("--cpus", "--memory", "--memory-swap")] == [
        ["0.5"],
        ["1024m"],
        ["1024m"],
    ]
    assert words[-1] == "sha256:abc"
    assert not [
        (word, value) for word in words for value in ("REAL", "very-own", "a\nb", "of-the-person") if value in word
    ]
    assert {"LEVEL=very-own", f"MODEL_ID={MODEL_ID}", "NUMERAI_SECRET_KEY=REAL-KEY"} <= set(ran["file"].splitlines())
    assert "of-the-person" not in ran["file"]
    assert (ran["mode"], ran["LINES"], pairs(words, "--env")) == ("0o600", "a\nb", ["LINES"])
    assert "PNODES_PREDICTIONS" not in ran["file"]
    assert engine.recorded("rm")["arguments"] == ["--force", pairs(words, "--name")[0]]


def test_commands_as_in_the_cloud(project: Project, engine: FakePodman) -> None:
    project.node(command="python other.py")
    done = project.run("--container")
    assert done.returncode == 0, done.stderr
    assert engine.recorded("run")["arguments"][-3:] == ["sha256:abc", "python", "other.py"]
    (engine.home / "calls").unlink()
    done = project.run("--container", "--command", "python train.py")
    assert done.returncode == 0, done.stderr
    words = engine.recorded("run")["arguments"]
    assert pairs(words, "--entrypoint") == ["python"]
    assert words[-2:] == ["sha256:abc", "train.py"]


def test_nothing_is_submitted_from_a_container_either(project: Project, engine: FakePodman) -> None:
    project.node(env=f"{{PYTHONPATH: {PACKAGES}}}")
    done = project.run("--container")
    assert done.returncode == 0, done.stderr
    ran = engine.recorded("run")
    env = dict(line.split("=", 1) for line in ran["file"].splitlines())
    assert env["NUMERAI_SECRET_KEY"] == "none-because-this-run-does-not-submit"
    assert env["PYTHONPATH"] == f"/run/prediction-nodes/guard:{PACKAGES}"
    mounts = {
        inside: (here, mode) for here, inside, mode in (m.split(":") for m in pairs(ran["arguments"], "--volume"))
    }
    assert (Path(mounts["/run/prediction-nodes/guard"][0]) / "sitecustomize.py").is_file()
    assert mounts["/run/prediction-nodes/predictions"] == (str(project.folder / ".pnodes" / "alice"), "rw")


def test_files_that_the_model_wrote_are_copied_into_the_source(project: Project, engine: FakePodman) -> None:
    (project.model / ".dockerignore").write_text("data\n")
    (project.model / "data").mkdir()
    changes = [
        "C /app",
        "A /app/model.joblib",
        "C /app/predict.py",
        "A /tmp/x",
        "C /app/data",
        "A /app/out",
        "A /app/out/a",
    ]
    engine.behave(diff=changes, run=9)
    done = project.run("--container")
    assert done.returncode == 9, done.stderr
    assert (project.model / "model.joblib").read_text() == "from /app/model.joblib"
    assert (project.model / "out").read_text() == "from /app/out"
    assert "model.joblib (new, 22 bytes) will be in the image after the next `pulumi up`" in done.stderr
    assert not (project.model / "x").exists()
    assert f"{project.model}/data:/app/data:rw" in pairs(engine.recorded("run")["arguments"], "--volume")


def test_an_image_without_workdir(project: Project, engine: FakePodman) -> None:
    project.write(Dockerfile="FROM python:3-slim\nCOPY . .\nCMD python predict.py\n")
    engine.behave(diff=["A /model.txt", "C /opt", "A /opt/.cache", "C /predict.py"])
    done = project.run("--container")
    assert done.returncode == 0, done.stderr
    assert (project.model / "model.txt").read_text() == "from /model.txt"
    assert (project.model / "predict.py").read_text() == "from /predict.py"
    assert not (project.model / ".cache").exists()


def test_the_engine_builds_several_stages(project: Project, engine: FakePodman) -> None:
    project.write(
        Dockerfile="FROM python:3 AS build\nRUN make\nFROM python:3-slim\nWORKDIR /srv\n"
        'COPY --from=build /x /y\nCOPY . .\nCMD ["python", "predict.py"]\n'
    )
    engine.behave(diff=["A /srv/model.txt"])
    done = project.run("--container")
    assert done.returncode == 0, done.stderr
    assert (project.model / "model.txt").exists()


@pytest.mark.parametrize(
    ("behaviour", "sentence", "code"),
    [
        ({"build": 1}, "the image of alice could not be built: see podman's output above.", 1),
        ({"run": 125}, "podman could not start the container: see its output above.", 1),
        ({"info": 1}, "--container needs a container engine on this machine: podman does not work", 1),
        ({"run": 137, "oom": "true"}, "the model was killed for exceeding the node's 4096 MiB of memory.", 137),
    ],
)
def test_a_failure_is_reported_in_one_sentence(
    project: Project, engine: FakePodman, behaviour: dict[str, Any], sentence: str, code: int
) -> None:
    engine.behave(**behaviour)
    done = project.run("--container")
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_in_the_context_is_refused_before_the_build(project: Project, engine: FakePodman) -> None:
    (project.model / ".env").write_text("NUMERAI_SECRET_KEY=x\n")
    done = project.run("--container")
    assert done.returncode == 1, done.stderr
    assert "model/.env would be sent to the image builder" in done.stderr
    assert "build" not in (engine.home / "calls").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="on macOS containers use the network of a virtual machine")
def test_a_container_reaches_a_local_proxy_and_trusts_its_certificate(
    project: Project, engine: FakePodman, tmp_path: Path
) -> None:
    (tmp_path / "ca.pem").write_text("an authority")
    project.env |= {"HTTPS_PROXY": "http://me:pass@127.0.0.1:3128", "SSL_CERT_FILE": str(tmp_path / "ca.pem")}
    done = project.run("--container")
    assert done.returncode == 0, done.stderr
    ran = engine.recorded("run")
    assert pairs(ran["arguments"], "--network") == ["host"]
    assert "SSL_CERT_FILE=/run/prediction-nodes/certificates/0.pem" in ran["file"].splitlines()
    assert f"{tmp_path}/ca.pem:/run/prediction-nodes/certificates/0.pem:ro" in pairs(ran["arguments"], "--volume")
    assert "HTTPS_PROXY" in pairs(engine.recorded("build")["arguments"], "--build-arg")
    assert not [
        (verb, word) for verb in ("build", "run") for word in engine.recorded(verb)["arguments"] if "pass" in word
    ]


def test_only_the_outermost_changes_are_listed() -> None:
    changed = {"/app": "C", "/app/new": "A", "/app/new/a": "A", "/app/old": "C", "/app/old/b": "A", "/app/file": "C"}
    assert list_outermost(changed) == ["/app/file", "/app/new", "/app/old/b"]
