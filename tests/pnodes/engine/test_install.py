"""The order in which an engine is searched for and installed, with fakes for the download and the build."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from pnodes.engine import build, install, locate, lock, official
from pnodes.engine.install import EngineError
from pnodes.engine.locate import Engine, Rejected
from pnodes.engine.version import MINIMUM

EngineIn = Callable[[Path, str], Path]
NEW = f"v{MINIMUM}"


@dataclass
class World:
    """A machine: whether the download site answers, whether Go is installed, and the steps that were taken."""

    home: Path
    engine_in: EngineIn
    site: str | None = None
    go: str | None = "/usr/bin/go"
    download_fails: str | None = None
    steps: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)

    def ensure(self) -> Engine:
        return install.ensure(self.messages.append, self.home)

    def download(self, home: Path) -> None:
        self.steps.append("download")
        if self.download_fails:
            raise official.InstallFailed(self.download_fails)
        self.engine_in(home / "bin", NEW)

    def build(self, home: Path) -> None:
        self.steps.append("build")
        self.engine_in(home / "bin", NEW)
        (home / "built").write_text(NEW)


@pytest.fixture
def world(tmp_path: Path, engine_in: EngineIn, monkeypatch: pytest.MonkeyPatch) -> World:
    fake = World(tmp_path / "home", engine_in)
    monkeypatch.setattr(locate, "on_path", lambda own: None)
    monkeypatch.setattr(official, "find_obstacle", lambda: fake.site)
    monkeypatch.setattr(official, "install", fake.download)
    monkeypatch.setattr(build, "find_go", lambda: fake.go)
    monkeypatch.setattr(build, "build", fake.build)
    return fake


def test_path_comes_first(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    present = Engine(tmp_path / "pulumi", MINIMUM, "PATH")
    monkeypatch.setattr(locate, "on_path", lambda own: present)
    assert world.ensure() == present
    assert world.steps == []


def test_an_installed_engine_is_used_without_messages(world: World) -> None:
    world.engine_in(world.home / "bin", NEW)
    assert world.ensure().path == world.home / "bin" / "pulumi"
    assert (world.steps, world.messages) == ([], [])


def test_the_official_installer_comes_before_a_build(world: World) -> None:
    assert world.ensure().source == "official"
    assert world.steps == ["download"]
    assert "official installer" in world.messages[0]


def test_without_the_download_site_the_engine_is_built(world: World) -> None:
    world.site = "timed out"
    assert world.ensure().source == "built"
    assert world.steps == ["build"]
    assert world.messages[0] == "The official Pulumi download cannot be used (timed out)."
    assert "4 to 5 minutes" in world.messages[1]


def test_a_download_that_fails_is_followed_by_a_build(world: World) -> None:
    world.download_fails = "the official installer failed: no space"
    assert world.ensure().source == "built"
    assert world.steps == ["download", "build"]
    assert [line for line in world.messages if "no space" in line], world.messages


def test_without_the_site_and_go_the_error_says_what_to_install(world: World) -> None:
    world.site, world.go = "timed out", None
    with pytest.raises(EngineError, match=r"Install Pulumi .* or newer .*, or Go"):
        world.ensure()
    assert world.steps == []


def test_the_error_contains_the_last_lines_of_a_failed_build(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(home: Path) -> None:
        raise build.BuildFailed("`go build` failed:\nverifying module: checksum mismatch")

    world.site = "timed out"
    monkeypatch.setattr(build, "build", fails)
    with pytest.raises(EngineError, match="checksum mismatch\nThe Pulumi engine could not be built"):
        world.ensure()


def test_an_engine_that_does_not_run_is_reported(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official, "install", lambda home: None)
    with pytest.raises(EngineError, match="does not run on this machine"):
        world.ensure()


def test_an_old_engine_on_path_is_reported_before_another_is_installed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Rejected(Path("/usr/local/bin/pulumi"), "it is 3.1.0")
    monkeypatch.setattr(locate, "on_path", lambda own: old)
    world.ensure()
    assert world.messages[0] == "The pulumi on PATH (/usr/local/bin/pulumi) is not used: it is 3.1.0."


def test_two_at_once_install_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, second = threading.Event(), []

    def slow(home: Path) -> None:
        """Download after the second process has started to wait for the lock."""
        second.append(threading.Thread(target=install.ensure, args=(listen, home)))
        second[0].start()
        assert waiting.wait(20)
        world.download(home)

    def listen(line: str) -> None:
        if "Another process" in line:
            waiting.set()

    monkeypatch.setattr(official, "install", slow)
    world.ensure()
    second[0].join(20)
    assert not second[0].is_alive()
    assert world.steps == ["download"]


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    notices: list[str] = []
    with (
        pytest.raises(RuntimeError, match="stop"),
        lock.exclusive(tmp_path / "lock", lambda: notices.append("waiting")),
    ):
        raise RuntimeError("stop")
    with lock.exclusive(tmp_path / "lock", lambda: notices.append("waiting")):
        pass
    assert notices == []
