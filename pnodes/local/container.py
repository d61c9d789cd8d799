"""Build a node's image as its cloud does, and run it in a container with the node's limits.

The build context and the build arguments are those that the cloud's builder gets. The model sees only what is in its
image. Files that it writes next to its code are copied into the source folder at the end (`copies`). A variable's value
never appears on a command line.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from pnodes.errors import UserError
from pnodes.local import copies, process, variables
from pnodes.local.container_engine import ContainerEngine, Mount
from pnodes.local.local_run import GUARD, LocalRun
from pnodes.local.process import Ended
from providers.images.arguments import build_arguments
from providers.images.context import ContextError
from providers.images.unpack import unpack

PLATFORM = "linux/amd64"
_INSIDE = "/run/prediction-nodes"
_KILLED = 137
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def build_image(engine: ContainerEngine, run: LocalRun) -> str:
    """Build a node's image from the context that its cloud would get; returns the image's id. Raises UserError."""
    image, environ = run.image, run.installing
    folder, id_file = run.scratch / "context", run.scratch / "image-id"
    try:
        image.context.check(uploaded=False)
        with tempfile.TemporaryFile(dir=run.scratch) as archive:
            image.context.pack(archive)
            archive.seek(0)
            unpack(archive, folder)
    except ContextError as error:
        raise UserError(str(error)) from None
    arguments = [f"{name}={value}" for name, value in build_arguments(image.node, run.account.model_id).items()]
    # Proxies are passed by name, because their addresses may contain passwords.
    arguments += [name for name in variables.PROXIES if environ.get(name)]
    command = [
        str(engine.path), "build", "--platform", PLATFORM, "--iidfile", str(id_file),
        "--tag", f"localhost/pnodes-run/{image.node.name}", "--file", str(folder / image.context.dockerfile_name),
        *_network_options(environ), *(word for value in arguments for word in ("--build-arg", value)), str(folder),
    ]  # fmt: skip
    run.say(f"building the image with {engine.name} for {PLATFORM}")
    done = subprocess.run(command, env=dict(environ), stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    if done.returncode:
        raise UserError(f"the image of {image.node.name} could not be built: see {engine.name}'s output above.")
    return id_file.read_text().strip()


def run_image(engine: ContainerEngine, run: LocalRun, image_id: str) -> Ended:
    """Run a built image to its end. Raises UserError if the engine cannot start it."""
    image, node, environ = run.image, run.image.node, run.environ
    name = f"pnodes-run-{node.name}-{uuid.uuid4().hex[:8]}"
    network_env, certificates = _map_network(engine, environ)
    mounts = [*copies.mount_excluded(image), *certificates]
    env = {
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # compiled files would be copied into the source
        **network_env,
        **run.own,
        **run.guard_variables(f"{_INSIDE}/predictions"),
    }
    if not run.account.submits:
        mounts += [Mount(GUARD, f"{_INSIDE}/guard"), Mount(run.predictions, f"{_INSIDE}/predictions", writable=True)]
        own_path = env.get("PYTHONPATH") or image.recipe.env.get("PYTHONPATH")
        env["PYTHONPATH"] = ":".join([f"{_INSIDE}/guard", *([own_path] if own_path else [])])
    options, by_name = _pass_variables(env, run.scratch)
    words = list(run.given_command or node.command or ())
    entrypoint = ["--entrypoint", words.pop(0)] if run.given_command else []
    memory = f"{node.size.memory}m"
    argv = [
        str(engine.path), "run", "--name", name, "--platform", PLATFORM, "--security-opt", "label=disable",
        "--cpus", f"{node.size.cpu:g}", "--memory", memory, "--memory-swap", memory,
        *_network_options(environ), *(word for mount in mounts for word in ("--volume", mount.option)),
        *options, *entrypoint, image_id, *words,
    ]  # fmt: skip
    client = {**environ, **by_name}
    try:
        ended = process.run(
            argv,
            run.scratch,  # podman writes a file `oom` into its working directory
            client,
            node.timeout,
            run.output,
            stop=lambda: engine.query(environ, "stop", "-t", "5", name),
            measure=False,
        )
        if ended.exit_code == 125 and not ended.reason:
            raise UserError(f"{engine.name} could not start the container: see its output above.")
        copies.copy_changes(engine, environ, image, name, [mount.inside for mount in mounts])
        out_of_memory = engine.query(environ, "inspect", "--format", "{{.State.OOMKilled}}", name) == "true"
        if (out_of_memory or ended.exit_code == _KILLED) and not ended.reason:
            # Not every engine reports the kernel's out-of-memory kill; other kills are reported above.
            likely = "" if out_of_memory else ", most likely"
            reason = f"the model was killed for exceeding the node's {node.size.memory} MiB of memory{likely}."
            return Ended(ended.exit_code or _KILLED, ended.seconds, None, reason)
        return ended
    finally:
        engine.query(environ, "rm", "--force", name)


def _map_network(engine: ContainerEngine, environ: Mapping[str, str]) -> tuple[dict[str, str], list[Mount]]:
    """Return the proxy and certificate variables for the container, and the mounts of the certificates."""
    env = variables.list_network_variables(environ)
    mounts: dict[Path, Mount] = {}
    for name in variables.CERTIFICATES:
        path = Path(env[name]).absolute() if name in env else None
        if path is None:
            continue
        if not path.is_file():  # a folder; the image has its own
            del env[name]
            continue
        mounts.setdefault(path, Mount(path, f"{_INSIDE}/certificates/{len(mounts)}.pem"))
        env[name] = mounts[path].inside
    if not _network_options(environ):
        for name in variables.PROXIES:
            if name in env and "no_proxy" not in name.lower():
                env[name] = _map_proxy(env[name], engine.host)
    return env, list(mounts.values())


def _map_proxy(proxy: str, host: str) -> str:
    parts = urlsplit(proxy)
    if parts.hostname not in _LOOPBACK:
        return proxy
    before, at, _ = parts.netloc.rpartition("@")
    port = f":{parts.port}" if parts.port else ""
    return parts._replace(netloc=f"{before}{at}{host}{port}").geturl()


def _network_options(environ: Mapping[str, str]) -> list[str]:
    """Share the host's network if a proxy is on its loopback; on macOS the container's host is a virtual machine."""
    local = any(urlsplit(environ.get(name, "")).hostname in _LOOPBACK for name in variables.PROXIES)
    return ["--network", "host"] if local and sys.platform == "linux" else []


def _pass_variables(env: Mapping[str, str], scratch: Path) -> tuple[list[str], dict[str, str]]:
    """Write the variables to a file that only this user can read; returns the engine's options and further variables.

    Values that the file's format cannot hold (line breaks, leading quotes, spaces at the ends) are passed by name,
    through the engine's own environment.
    """
    awkward = {
        name: value for name, value in env.items() if "\n" in value or value[:1] in "'\"" or value != value.strip()
    }
    path = scratch / "variables"
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in env.items() if name not in awkward)
    return ["--env-file", str(path), *(word for name in awkward for word in ("--env", name))], awkward
