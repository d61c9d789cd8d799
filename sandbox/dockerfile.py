"""The reader of Dockerfiles, as the process executor's builds use it."""

from providers.images.recipe import DockerfileError, Recipe, Step, read

__all__ = ["DockerfileError", "Recipe", "Step", "read"]
