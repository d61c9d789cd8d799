"""Builds by a real engine into a real registry: digests, layers, caches, and no secrets in an image."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import trustme

from sandbox.containers.images import ContainerImages
from sandbox.images import BuildError
from tests.sandbox.archives import packed
from tests.sandbox.containers.world import World, world_of

pytestmark = pytest.mark.containers
INSTALLS = """\
FROM python:3.12-slim
ARG MODEL_ID=none
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN echo "$MODEL_ID" > model
CMD ["python", "main.py"]
"""


def test_the_digest_is_the_registrys_and_what_runs(world: World) -> None:
    image = world.build({"main.py": "print('hello')"})
    manifest = world.manifest(image)
    assert manifest.status_code == 200, manifest.text
    assert image == f"{world.repository}@sha256:{hashlib.sha256(manifest.content).hexdigest()}"
    assert manifest.headers["Docker-Content-Digest"] == image.split("@")[1]
    assert world.images.tags(world.repository) == {"t1": image.split("@")[1]}
    assert world.run(image)[1] == "hello\n"


def test_the_same_source_takes_every_layer_from_the_cache_and_another_only_what_changed(world: World) -> None:
    files = {"Dockerfile": INSTALLS, "requirements.txt": "# nothing\n", "main.py": "print(1)"}
    first = world.build(files)
    assert world.build(files, tag="t2") == first
    assert [line for line in world.log if "pip install" in line]
    assert not [line for line in world.log if "Requirement" in line or "WARNING: Running pip" in line]
    second = world.build({**files, "main.py": "print(2)"}, tag="t3")
    assert second != first
    before, after = (world.manifest(image).json()["layers"] for image in (first, second))
    shared = [layer["digest"] for layer in before if layer in after]
    assert 0 < len(shared) < len(before)
    # Both images are kept, so that jobs deployed by digest can run.
    assert [world.run(image)[1] for image in (first, second)] == ["1\n", "2\n"]


UNLUCKY = """\
#!/bin/sh
case "$1 $2" in
build*|"buildx build")
  if [ ! -e {folder}/gone ]; then
    touch {folder}/gone
    echo 'Error: checking if cached image exists from a previous build: getting top layer info: layer not known' >&2
    exit 125
  fi
esac
exec {engine} "$@"
"""


def test_an_image_that_another_removes_meanwhile_ends_no_build(world: World, tmp_path: Path) -> None:
    script = tmp_path / "engine"
    script.write_text(UNLUCKY.format(folder=tmp_path, engine=world.engine.path))
    script.chmod(0o755)
    unlucky = replace(world.engine, path=str(script))
    again = replace(world, images=ContainerImages(unlucky, world.registry, world.bases, world.store))
    image = again.build({"main.py": "print('built')"})
    assert "an image was removed during the build; trying again" in again.log
    assert world.run(image)[1] == "built\n"


def test_build_arguments_modes_and_links_reach_the_image(world: World) -> None:
    dockerfile = 'FROM python:3.12-slim\nARG A=1\nCOPY . /app\nENV A=$A\nCMD ["/app/run.sh"]\n'
    image = world.build({"Dockerfile": dockerfile, "run.sh": "#!/bin/sh\necho $A\n"}, A="given")
    assert world.run(image)[1] == "given\n"


def test_packages_come_from_the_index_and_nothing_of_this_machines_settings_gets_into_the_image(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = trustme.CA(organization_name="planted-authority")
    usual = next(
        p for p in ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt") if Path(p).exists()
    )
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(Path(usual).read_bytes() + authority.cert_pem.bytes())
    monkeypatch.setenv("PIP_CERT", str(bundle))
    monkeypatch.setenv("PIP_TRUSTED_HOST", "planted-host.example")
    main = "import importlib.metadata, os; print(importlib.metadata.version('six'), *sorted(os.listdir('/etc')))"
    image = world.build(
        {"Dockerfile": INSTALLS, "requirements.txt": "six==1.17.0\n", "main.py": main}, MODEL_ID="a-model"
    )
    version, *listed = world.run(image)[1].split()
    assert version == "1.17.0"
    assert not [name for name in listed if "pip" in name]
    secret = authority.cert_pem.bytes().split(b"\n")[3]
    blobs = list(world.blobs())
    assert len(blobs) > 3
    assert any(b"six.py" in blob for blob in blobs), "no layer has the package"
    for blob in blobs:
        assert b"planted-host" not in blob
        assert secret not in blob
        assert b"pip-ca.pem\0" not in blob


def test_a_build_that_fails_says_why_and_leaves_the_log(world: World) -> None:
    with pytest.raises(BuildError, match=r"the build failed: .*exit"):
        world.build({"Dockerfile": "FROM python:3.12-slim\nRUN echo almost; echo there; exit 7\n"})
    assert "there" in world.log
    assert world.images.tags(world.repository) == {}


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"Dockerfile": "FROM python:3.12-slim\nCOPY missing.py .\n"}, "missing.py"),
        ({"Dockerfile": "FRUM x\n"}, "the build failed"),
    ],
)
def test_a_dockerfile_that_cannot_be_built(world: World, files: dict[str, str], reason: str) -> None:
    with pytest.raises(BuildError, match=reason):
        world.build(files)


def test_a_context_without_its_dockerfile_or_that_is_no_archive(world: World) -> None:
    with pytest.raises(BuildError, match="the context has no other/Dockerfile"):
        world.images.build(world.repository, packed({"main.py": ""}), "other/Dockerfile", {}, ["t"], print)
    with pytest.raises(BuildError, match="cannot be unpacked"):
        world.images.build(world.repository, b"\x1f\x8bnonsense", "Dockerfile", {}, ["t"], print)


def test_several_stages(world: World) -> None:
    dockerfile = (
        "ARG BASE=python:3.12-slim\nFROM ${BASE} AS made\nRUN echo made > /made\n"
        'FROM python:3.12-slim\nCOPY --from=made /made /made\nCMD ["cat", "/made"]\n'
    )
    assert world.run(world.build({"Dockerfile": dockerfile}))[1] == "made\n"


def test_a_repository_goes_with_its_images(world: World) -> None:
    image = world.build({"main.py": "pass"})
    other = world.build({"main.py": "pass"}, repository="us-central1-docker.pkg.dev/project/nodes/beta")
    world.images.delete_repository(world.repository)
    assert (world.images.tags(world.repository), world.images.get(*image.split("@"))) == ({}, None)
    assert world.manifest(image).status_code == 404
    assert world.manifest(other).status_code == 200
    assert world.run(other)[0].state == "SUCCEEDED"


def test_the_registry_keeps_images_and_its_address_over_a_restart_and_listens_on_loopback_only(
    world: World, tmp_path: Path
) -> None:
    before = replace(world_of(tmp_path, world.engine, world.bases), repository=world.repository)
    image = before.build({"main.py": "print('still there')"})
    before.executor.stop()
    before.registry.stop()
    after = world_of(tmp_path, world.engine, world.bases)
    try:
        assert after.registry.address == before.registry.address
        assert after.run(image)[1] == "still there\n"
        places = {each.laddr for each in psutil.net_connections("tcp") if each.status == "LISTEN" and each.laddr}
        port = int(after.registry.address.split(":")[1])
        assert {place.ip for place in places if place.port == port} == {"127.0.0.1"}
        after.images.delete_repository(world.repository)
    finally:
        after.executor.stop()
        after.registry.stop()
