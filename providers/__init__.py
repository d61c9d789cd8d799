"""One folder for each system that is built or queried: the clouds, Numerai, and the images that every cloud runs."""
