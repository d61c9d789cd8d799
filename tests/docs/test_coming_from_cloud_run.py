"""docs/coming-from-cloud-run.md: its steps create a valid folder and valid nodes."""

from __future__ import annotations

import re
import shutil
import subprocess
import textwrap
from pathlib import Path

from pnodes.engine.paths import ROOT
from providers.checks import load_checked
from providers.images.context import BuildContext

PAGE = (ROOT / "docs" / "coming-from-cloud-run.md").read_text(encoding="utf-8")


def block(kind: str) -> str:
    """Return the page's first block of a kind."""
    match = re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    assert match
    return textwrap.dedent(match[1])


def test_the_steps_create_nodes_with_the_predictors_of_the_service(tmp_path: Path) -> None:
    project, service = tmp_path / "project", tmp_path / "numerai-compute"
    unwanted = shutil.ignore_patterns("data", "model.joblib", "__pycache__")
    shutil.copytree(ROOT / "examples", project / "examples", ignore=unwanted)
    for path in ("common/main.py", "common/shared.py", "predictors/pred1/predictor.py",
                 "predictors/pred1/requirements.txt", "predictors/pred1/resources/model.pkl"):  # fmt: skip
        (service / path).parent.mkdir(parents=True, exist_ok=True)
        (service / path).write_text("# the service's\n")
    subprocess.run(["sh", "-ec", block("sh")], cwd=project, check=True)
    (project / "nodes.yaml").write_text(block("yaml"))
    (node,) = load_checked(project / "nodes.yaml").nodes
    assert (node.cloud, node.env, node.timeout) == ("gcp", {"PREDICTOR": "pred1"}, 1200)
    assert not node.register_webhook
    files = BuildContext(node.context, node.dockerfile).files
    assert {"predict.py", "common/shared.py", "common/chosen.py", "predictors/pred1/resources/model.pkl"} <= set(files)
    assert (project / "mine" / "predictors" / "pred1" / "predictor.py").read_text() == "# the service's\n"
