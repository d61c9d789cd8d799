"""The model of the demo's last step: submits Numerai's example predictions, with the standard library only.

Run in a node's container, as any model is.
"""

import json
import os
import urllib.request
from typing import Any

_DATASET = '{dataset(filename: "v5.3/live_example_preds.csv", tournament: 8)}'
_UPLOAD = (
    'query($m: String!) {submission_upload_auth(filename: "predictions.csv", tournament: 8, modelId: $m) '
    "{filename url}}"
)
_SUBMIT = (
    "mutation($f: String!, $m: String!, $t: String) "
    "{create_submission(filename: $f, tournament: 8, modelId: $m, triggerId: $t) {id}}"
)


def ask(query: str, **variables: str | None) -> dict[str, Any]:
    """Return the data of Numerai's answer."""
    key = f"Token {os.environ['NUMERAI_PUBLIC_ID']}${os.environ['NUMERAI_SECRET_KEY']}"
    body = json.dumps({"query": query, "variables": variables}).encode()
    headers = {"Authorization": key, "Content-Type": "application/json"}
    request = urllib.request.Request("https://api-tournament.numer.ai", body, headers)
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        data: dict[str, Any] = json.load(answer)["data"]
    return data


def main() -> None:
    """Download the predictions and submit them."""
    model = os.environ["MODEL_ID"]
    with urllib.request.urlopen(ask(_DATASET)["dataset"]) as answer:  # noqa: S310
        predictions = answer.read()
    place = ask(_UPLOAD, m=model)["submission_upload_auth"]
    upload = urllib.request.Request(place["url"], predictions, method="PUT")  # noqa: S310
    urllib.request.urlopen(upload).close()  # noqa: S310
    ask(_SUBMIT, f=place["filename"], m=model, t=os.environ.get("TRIGGER_ID"))
    print("submitted", flush=True)


if __name__ == "__main__":
    main()
