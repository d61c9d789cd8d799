"""Train the model and write model.joblib: `python train.py`, on your own machine. Needs no API keys.

Reports the score on dates that the model has not seen, then trains on all dates and saves the model.
"""

import pandas as pd
from numerapi import SignalsAPI

import model

TREES = 1000
DATES = 300
HELD_OUT = 0.2


def main() -> None:
    api = SignalsAPI(verbosity="warning")
    frame, features = model.training_data(api, model.HERE / "data", DATES)

    dates = pd.to_datetime(frame[model.DATE])
    first = sorted(dates.unique())[-max(1, int(dates.nunique() * HELD_OUT))]
    seen, held_out = frame[dates < first - pd.Timedelta(days=model.OVERLAPPING_DAYS)], frame[dates >= first]
    scores = model.score(held_out, model.predict(model.fit(seen, features, TREES), held_out))
    print(f"correlation on {len(scores)} held-out dates: mean {scores.mean():.4f}, deviation {scores.std():.4f}")

    model.save(model.fit(frame, features, TREES))
    print(f"wrote {model.MODEL_FILE.name}")


if __name__ == "__main__":
    main()
