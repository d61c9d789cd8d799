"""What the program itself asks of Numerai, always through numerapi: the ids of models that nodes.yaml names."""
