"""Train the model and write model.joblib: `python train.py`, on your own machine. Needs no API keys.

Reports the score on eras that the model has not seen, then trains on all eras and saves the model.
"""

import time

from numerapi import NumerAPI

import model

TREES = 1000
ERAS = 144  # every fourth, so that targets do not overlap
HELD_OUT = 0.2

SETS = {"small": 42, "medium": 780, "all": 3555}  # v5.3's features
ALL_ERAS, ROWS = 574, 4784  # v5.3's eras, and the mean rows of an era


def memory(features: int, eras: int) -> float:
    """Return about how many GiB training needs; README.md says what this was measured on."""
    return 0.3 + features * (1.2e6 + 3 * eras * ROWS) / 2**30


def work(features: int, eras: int) -> int:
    """Return a number that grows in proportion to the time of training."""
    return eras * (features + 65)


def print_costs(eras: int, seconds: float) -> None:
    """Print what training on other eras and features takes, judged by the seconds that it took now."""
    now = SETS[model.FEATURE_SET]
    print(f"trained in {seconds:.0f} s, in about {memory(now, eras):.1f} GiB of memory. More features (FEATURE_SET in")
    print("model.py) or eras (ERAS in train.py) score better and take on this machine about:")
    for name, features in SETS.items():
        for more in sorted({ERAS, ALL_ERAS}):
            minutes = seconds / 60 * work(features, more) / work(now, eras)
            print(f"  {name:<6} {more:>3} eras {memory(features, more):5.1f} GiB {minutes:5.0f} min")


def main() -> None:
    api = NumerAPI(verbosity="warning")
    rows, labels = model.training_data(api, model.HERE / "data", ERAS)
    began = time.monotonic()

    eras = labels[model.ERA].astype(int)
    first = sorted(eras.unique())[-max(1, int(eras.nunique() * HELD_OUT))]
    seen, held_out = eras < first - model.OVERLAPPING_ERAS, eras >= first
    trained = model.fit(rows[seen], labels[model.TARGET][seen], TREES)
    scores = model.score(labels[held_out], model.predict(trained, rows[held_out]))
    print(f"correlation on {len(scores)} held-out eras: mean {scores.mean():.4f}, deviation {scores.std():.4f}")

    model.save(model.fit(rows, labels[model.TARGET], TREES))
    print(f"wrote {model.MODEL_FILE.name}")
    print_costs(eras.nunique(), time.monotonic() - began)


if __name__ == "__main__":
    main()
