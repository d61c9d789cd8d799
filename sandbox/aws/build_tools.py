"""The commands `aws` and `docker` of a buildspec in the sandbox. Run as a program: build_tools.py aws|docker ARGUMENTS.

`aws` calls the simulated services with boto3. `docker` records the build and push in the file that the variable
DOCKER_RECORD names.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit


def aws(arguments: list[str]) -> None:
    """`aws s3 cp s3://BUCKET/KEY FILE` and `aws ecr get-login-password`."""
    import boto3

    match [word for word in arguments if not word.startswith("--")]:
        case ["s3", "cp", source, target]:
            url = urlsplit(source)
            boto3.client("s3").download_file(url.netloc, url.path.lstrip("/"), target)
        case ["ecr", "get-login-password"]:
            data = boto3.client("ecr").get_authorization_token()["authorizationData"][0]
            print(base64.b64decode(data["authorizationToken"]).decode().split(":", 1)[1])
        case _:
            sys.exit(f"the sandbox's aws has no {' '.join(arguments)}")


def docker(arguments: list[str]) -> None:
    """`docker login`, `docker buildx build --load` and `docker push`; no copy of a base image can be inspected."""
    record = Path(os.environ["DOCKER_RECORD"])
    build = json.loads(record.read_text()) if record.exists() else {}
    match arguments:
        case ["login", "--username", "AWS", "--password-stdin", registry]:
            if not sys.stdin.read().strip():
                sys.exit("docker login: no password")
            build["registry"] = registry
        case ["buildx", "build", *options]:
            build |= _build(options)
        case ["buildx", "imagetools", "inspect", _]:
            sys.exit(1)
        case ["push", image]:
            if image != build.get("tag"):
                sys.exit(f"An image does not exist locally with the tag: {image}")
            if build.get("registry") != image.split("/")[0]:
                sys.exit("no basic auth credentials")
            build["push"] = image
        case _:
            sys.exit(f"the sandbox's docker has no {' '.join(arguments)}")
    record.write_text(json.dumps(build))


def _build(arguments: list[str]) -> dict[str, object]:
    parser = argparse.ArgumentParser(prog="docker buildx build", allow_abbrev=False)
    for name in ("--platform", "--file", "--tag", "--provenance", "--progress"):
        parser.add_argument(name)
    parser.add_argument("--build-arg", action="append", default=[])
    parser.add_argument("--build-context", action="append", default=[])
    parser.add_argument("--cache-from", action="append", default=[])
    parser.add_argument("--load", action="store_true")
    parser.add_argument("context")
    options = parser.parse_args(arguments)
    if options.platform != "linux/amd64" or not options.load:
        sys.exit("the sandbox requires --platform linux/amd64 and --load")
    if not Path(options.file).is_file():
        sys.exit(f"failed to read dockerfile: open {options.file}: no such file or directory")
    # As in Docker, an argument without a value gets it from the environment.
    pairs = [argument.partition("=") for argument in options.build_arg]
    values = {name: value if equals else os.environ.get(name, "") for name, equals, value in pairs}
    return {"context": options.context, "file": options.file, "tag": options.tag, "arguments": values}


if __name__ == "__main__":
    {"aws": aws, "docker": docker}[sys.argv[1]](sys.argv[2:])
