"""Dockerfiles, read as far as something other than a container engine needs to know what they say: what is installed,
which file of the context lies where in the image, what is run."""
