"""What is built and queried, one folder per system: the clouds, Numerai, and the images that run on any cloud."""
