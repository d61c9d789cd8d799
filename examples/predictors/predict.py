"""Call `run()` of the predictor that PREDICTOR names, for the model in MODEL_ID: the container runs this script."""

import os
import sys

from common import chosen

if __name__ == "__main__":
    for name in ("MODEL_ID", "NUMERAI_PUBLIC_ID", "NUMERAI_SECRET_KEY"):
        if not os.environ.get(name):
            sys.exit(
                f"{name} is not set in the environment: a prediction node sets it; on your machine, set it yourself."
            )
    os.environ["NUMERAI_MODEL_ID"] = os.environ["MODEL_ID"]  # the name that predictors use
    predictor = chosen.predictor()
    print(f"model {os.environ['MODEL_ID']}, round {os.environ.get('ROUND_NUMBER', 'not given')}", flush=True)
    try:
        predictor.run()
    except KeyError as error:
        if error.args != ("data",):  # numerapi raises this for an answer without data, such as HTTP 401
            raise
        sys.exit("Numerai did not answer as expected: check the API keys and their scopes, and the network.")
