"""What the builder does: one bash script, told by variables which source, Dockerfile, image and build arguments.

The values of build arguments are in the environment under their own names, so that nothing is ever quoted or parsed.
Docker Hub limits pulls by address, and builders share theirs with the world: base images that are Docker's own
("official") are taken from Amazon's copy of them where it has them. Layers that are as in the node's image before this
one come from there: it carries their keys along (an inline cache), and one that is gone is only warned of.
"""

from __future__ import annotations

import json

MIRROR = "public.ecr.aws/docker/library"

# In a subshell: the builder runs more in its own shell, which must keep its options and arguments.
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

# JSON is YAML: no quoting of the script by hand.
BUILDSPEC = json.dumps(
    {"version": 0.2, "env": {"shell": "bash"}, "phases": {"build": {"on-failure": "ABORT", "commands": [SCRIPT]}}},
    indent=1,
)
