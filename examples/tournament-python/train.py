"""Train the model and write model.joblib: `python train.py`, on your own machine. Needs no API keys.

Reports the score on eras that the model has not seen, then trains on all eras and saves the model.
"""

from numerapi import NumerAPI

import model

TREES = 1000
ERAS = 200
HELD_OUT = 0.2


def main() -> None:
    api = NumerAPI(verbosity="warning")
    frame, features = model.training_data(api, model.HERE / "data", ERAS)

    eras = frame[model.ERA].astype(int)
    first = sorted(eras.unique())[-max(1, int(eras.nunique() * HELD_OUT))]
    seen, held_out = frame[eras < first - model.OVERLAPPING_ERAS], frame[eras >= first]
    scores = model.score(held_out, model.predict(model.fit(seen, features, TREES), held_out))
    print(f"correlation on {len(scores)} held-out eras: mean {scores.mean():.4f}, deviation {scores.std():.4f}")

    model.save(model.fit(frame, features, TREES))
    print(f"wrote {model.MODEL_FILE.name}")


if __name__ == "__main__":
    main()
