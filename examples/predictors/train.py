"""Train the predictor that PREDICTOR names, on your own machine: `PREDICTOR=pred1 python train.py`. Needs no keys."""

import sys

from common import chosen

if __name__ == "__main__":
    predictor = chosen.predictor()
    if not hasattr(predictor, "train"):
        sys.exit("This predictor has no train(): there is nothing to train.")
    predictor.train()
