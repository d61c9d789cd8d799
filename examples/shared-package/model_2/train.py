"""Train the model and write model.joblib: `python train.py`, on your own machine. Needs no API keys.

Reports the score on eras that the model has not seen, then trains on all eras and saves the model.
"""

from numerapi import NumerAPI

import model
from common import data, model_file, ranking


def main() -> None:
    api = NumerAPI(verbosity="warning")
    # All models here share one data folder, because the files are large.
    frame, features = data.training_data(api, model.HERE.parent / "data", model.FEATURE_SET, model.ERAS)
    ranking.held_out_scores(frame, lambda seen, rest: model.predict(model.fit(seen, features), rest))
    model_file.save(model.fit(frame, features), model.MODEL_FILE)


if __name__ == "__main__":
    main()
