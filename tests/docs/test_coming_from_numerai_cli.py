"""docs/coming-from-numerai-cli.md: its commands print what it shows, and Numerai has the right webhooks afterwards."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs import pages
from tests.e2e.webhooks import at_numerai, by_hand
from tests.e2e.world import ROOT, MakeWorld, World
from tests.pnodes.migrate import old

pytestmark = pytest.mark.e2e
# A model without training: it submits evenly spaced numbers for the live data with numerapi.
PREDICT = """\
import os
import numerapi
import pandas as pd

api = numerapi.{api}()
api.download_dataset("{version}/live.parquet", "live.parquet")
{column} = pd.read_parquet("live.parquet").reset_index()["{column}"]
values = [(n + 1) / (len({column}) + 1) for n in range(len({column}))]
pd.DataFrame({{"{column}": {column}, "prediction": values}}).to_csv("predictions.csv", index=False)
print(api.upload_predictions("predictions.csv", model_id=os.environ["MODEL_ID"]))
"""
MODELS = {
    "alpha": {"api": "NumerAPI", "version": "v5.3", "column": "id"},
    "beta": {"api": "SignalsAPI", "version": "signals/v3.1", "column": "numerai_ticker"},
    "gamma": {"api": "CryptoAPI", "version": "crypto/v2.0", "column": "symbol"},
}
KEYS = {"numerai": {"NUMERAI_PUBLIC_ID": "NOT-SHOWN-PUBLIC", "NUMERAI_SECRET_KEY": "NOT-SHOWN-SECRET"}}


def prepare(world: World, home: Path) -> dict[str, str]:
    """Create the files of a numerai-cli user, put `pnodes` on PATH, and return the variables of the shell."""
    shutil.copy(ROOT / "nodes.yaml", world.project)  # with its examples, as in a clone
    models = {
        name: old.model(world.project / "models" / name, predict=PREDICT.format(**facts))
        for name, facts in MODELS.items()
    }
    for folder in models.values():
        (folder / "requirements.txt").write_text("numerapi\npyarrow\n")
    old.write(
        home / ".numerai",
        {
            "numerai-alpha": old.aws(models["alpha"], timeout_minutes="90"),
            "signals-beta": old.gcp(models["beta"], cron="30 18 ? * 7 *"),
            "crypto-gamma": old.azure(models["gamma"], cron="0 30 13 * * SUN,TUE"),
        },
        KEYS,
    )
    bin_ = home / "bin"
    bin_.mkdir()
    (bin_ / "pnodes").write_text(f'#!/bin/sh\nexec {sys.executable} -c "from pnodes.cli.main import run; run()" "$@"\n')
    (bin_ / "pnodes").chmod(0o755)
    env = {**world.cli.env, "PYTHONPATH": str(ROOT), "HOME": str(home), "PULUMI_HOME": str(home / "pulumi")}
    env["PATH"] = f"{bin_}:{env['PATH']}"
    env["PNODES_IMPORT_KEYS"] = "no"  # as `pnodes sandbox env` sets it
    # As `pnodes sandbox start` does.
    subprocess.run(["pulumi", "stack", "select", "dev"], cwd=world.project, env=env, check=True)
    return env


@pytest.mark.long
def test_the_page(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world("nodes: {}\n")
    home = tmp_path / "home"
    home.mkdir()
    env = prepare(world, home)
    for number, model_id in enumerate(old.IDS[:3]):
        by_hand(world, model_id, f"https://old-{number}.example/hook")
    seen: list[dict[str, str | None]] = []

    def hand(text: str) -> None:
        """Replace a block that is not run. Only `destroy` has an effect: it removes the webhooks at Numerai."""
        seen.append({model_id: at_numerai(world)[model_id] for model_id in old.IDS[:3]})
        if "destroy" in text:
            for model_id in old.IDS[:3]:
                by_hand(world, model_id, None)

    with world.hosts.attach(world.project, env, "prediction-nodes") as environ:
        pages.check(ROOT / "docs" / "coming-from-numerai-cli.md", world.project, environ, hand)
    _, before, after = seen
    assert not [url for url in before.values() if "old-" not in str(url)], "import or up changed a webhook at Numerai"
    urls = {facts["model_id"]: world.cli.outputs()["webhooks"][name]
            for name, facts in world.cli.outputs()["nodes"].items()}  # fmt: skip
    assert after == urls, "Numerai does not have the new webhooks without register: false"
    assert {model_id: at_numerai(world)[model_id] for model_id in old.IDS[:3]} == urls, (
        "a refresh did not restore the webhooks"
    )
    for path in world.project.rglob("*"):
        assert not path.is_file() or b"NOT-SHOWN" not in path.read_bytes(), path
