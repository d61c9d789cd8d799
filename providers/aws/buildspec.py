"""The builder's script. Environment variables name the source, the Dockerfile, the image and the build arguments.

The values of build arguments are in variables with the arguments' names, so the script needs no quoting or parsing.
Docker Hub limits pulls by IP address, and builders share their addresses with other customers. So Docker's official
base images are pulled from Amazon's mirror if it has them. Unchanged layers are reused from the node's previous image,
which contains an inline cache; if that image no longer exists, the build only prints a warning.
"""

from __future__ import annotations

import json

MIRROR = "public.ecr.aws/docker/library"

# In a subshell, since CodeBuild runs more commands in the same shell, whose options and arguments must not change.
SCRIPT = f"""\
(
set -eu
mkdir context
aws s3 cp --no-progress "s3://$SOURCE_BUCKET/$SOURCE_KEY" context.tar.gz
tar -xzf context.tar.gz -C context
aws ecr get-login-password | docker login --username AWS --password-stdin "${{REPOSITORY%%/*}}"
set --
for name in $ARGUMENT_NAMES; do set -- "$@" --build-arg "$name"; done
for base in ${{BASE_IMAGES:-}}; do
  if docker buildx imagetools inspect "{MIRROR}/$base" > /dev/null 2>&1; then
    set -- "$@" --build-context "$base=docker-image://{MIRROR}/$base"
  fi
done
if [ -n "${{FORMER:-}}" ]; then set -- "$@" --cache-from "type=registry,ref=$FORMER"; fi
docker buildx build --platform "$PLATFORM" --provenance=false --load --progress=plain \\
  --build-arg BUILDKIT_INLINE_CACHE=1 --file "context/$DOCKERFILE" --tag "$REPOSITORY:$TAG" "$@" context
docker push "$REPOSITORY:$TAG"
)
"""

# JSON is valid YAML and quotes the script.
BUILDSPEC = json.dumps(
    {"version": 0.2, "env": {"shell": "bash"}, "phases": {"build": {"on-failure": "ABORT", "commands": [SCRIPT]}}},
    indent=1,
)
