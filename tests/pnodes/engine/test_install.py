"""The order in which an engine is looked for and installed, told with stand-ins for the download and the build."""

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
    """A machine: what is on PATH, whether the site answers, whether there is Go; and what was done on it."""

    home: Path
    engine_in: EngineIn
    site: str | None = None
    go: str | None = "/usr/bin/go"
    download_fails: str | None = None
    done: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def ensure(self) -> Engine:
        return install.ensure(self.said.append, self.home)

    def download(self, home: Path) -> None:
        self.done.append("download")
        if self.download_fails:
            raise official.InstallFailed(self.download_fails)
        self.engine_in(home / "bin", NEW)

    def build(self, home: Path) -> None:
        self.done.append("build")
        self.engine_in(home / "bin", NEW)
        (home / "built").write_text(NEW)


@pytest.fixture
def world(tmp_path: Path, engine_in: EngineIn, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path / "home", engine_in)
    monkeypatch.setattr(locate, "on_path", lambda own: None)
    monkeypatch.setattr(official, "reachable", lambda: made.site)
    monkeypatch.setattr(official, "install", made.download)
    monkeypatch.setattr(build, "available", lambda: made.go)
    monkeypatch.setattr(build, "build", made.build)
    return made


def test_path_comes_first(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = Engine(tmp_path / "pulumi", MINIMUM, "PATH")
    monkeypatch.setattr(locate, "on_path", lambda own: there)
    assert world.ensure() == there
    assert world.done == []


def test_one_that_is_installed_is_used_without_a_word(world: World) -> None:
    world.engine_in(world.home / "bin", NEW)
    assert world.ensure().path == world.home / "bin" / "pulumi"
    assert (world.done, world.said) == ([], [])


def test_the_official_installer_comes_before_a_build(world: World) -> None:
    assert world.ensure().source == "official"
    assert world.done == ["download"]
    assert "official installer" in world.said[0]


def test_without_the_site_it_is_built(world: World) -> None:
    world.site = "timed out"
    assert world.ensure().source == "built"
    assert world.done == ["build"]
    assert world.said[0] == "The official Pulumi download cannot be used (timed out)."
    assert "4 to 5 minutes" in world.said[1]


def test_a_download_that_fails_is_followed_by_a_build(world: World) -> None:
    world.download_fails = "the official installer failed: no space"
    assert world.ensure().source == "built"
    assert world.done == ["download", "build"]
    assert [line for line in world.said if "no space" in line], world.said


def test_with_neither_a_sentence_says_what_to_install(world: World) -> None:
    world.site, world.go = "timed out", None
    with pytest.raises(EngineError, match=r"Install Pulumi .* or newer .*, or Go"):
        world.ensure()
    assert world.done == []


def test_a_build_that_fails_keeps_its_last_words(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(home: Path) -> None:
        raise build.BuildFailed("`go build` failed:\nverifying module: checksum mismatch")

    world.site = "timed out"
    monkeypatch.setattr(build, "build", fails)
    with pytest.raises(EngineError, match="checksum mismatch\nThe Pulumi engine could not be built"):
        world.ensure()


def test_an_engine_that_does_not_run_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(official, "install", lambda home: None)
    with pytest.raises(EngineError, match="does not run on this machine"):
        world.ensure()


def test_an_old_one_on_path_is_named_before_another_is_installed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    old = Rejected(Path("/usr/local/bin/pulumi"), "it is 3.1.0")
    monkeypatch.setattr(locate, "on_path", lambda own: old)
    world.ensure()
    assert world.said[0] == "The pulumi on PATH (/usr/local/bin/pulumi) is not used: it is 3.1.0."


def test_two_at_once_install_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waiting, others = threading.Event(), []

    def slow(home: Path) -> None:
        """Ends when the second one has found the lock taken."""
        others.append(threading.Thread(target=install.ensure, args=(heard, home)))
        others[0].start()
        assert waiting.wait(20)
        world.download(home)

    def heard(line: str) -> None:
        if "Another process" in line:
            waiting.set()

    monkeypatch.setattr(official, "install", slow)
    world.ensure()
    others[0].join(20)
    assert not others[0].is_alive()
    assert world.done == ["download"]


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(RuntimeError, match="stop"), lock.exclusive(tmp_path / "lock", lambda: told.append("waiting")):
        raise RuntimeError("stop")
    with lock.exclusive(tmp_path / "lock", lambda: told.append("waiting")):
        pass
    assert told == []
