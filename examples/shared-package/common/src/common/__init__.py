"""Code that the models of this folder share: data, ranks and scores, the model file, and the submission."""
