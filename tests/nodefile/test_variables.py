"""One list of a container's variables: what the deployed job, the trigger and a local run set is all in it."""

from __future__ import annotations

import pytest

from nodefile import variables
from nodefile.fields import Mistakes, env
from pnodes.local import variables as local
from tests.providers.patients import MODEL, node
from trigger import core

SETTINGS = core.Settings(node="alpha", model_id=MODEL, token_sha256="0" * 64, enabled=True, package="p")
CALL = {"roundNumber": 371, "dataVersion": 1, "triggerId": "3c29d1c1-6a0f-4c3e-9b5c-3f4f3d8d5f11", "isTest": True}


def test_what_the_trigger_sets_for_a_run_is_in_the_list_and_can_be_set_by_nobody_else() -> None:
    run, scheduled = core._webhook_run(CALL, SETTINGS), core._scheduled_run("2026-01-01T00:00", SETTINGS)
    assert run.env.keys() - {"MODEL_ID", "NODE_NAME"} == variables.OF_A_RUN
    assert scheduled.env.keys() <= variables.RESERVED
    for name in variables.RESERVED:
        with pytest.raises(Mistakes, match="is set for every node by itself"):
            env({name: "x"})


def test_a_run_on_this_machine_has_what_a_scheduled_one_has_in_its_cloud() -> None:
    alpha = node(env={"EXTRA": "1"})
    here = local.of_node(alpha, local.Account(MODEL))
    deployed = variables.constant(alpha, MODEL)
    assert deployed == {"EXTRA": "1", "MODEL_ID": MODEL, "NODE_NAME": "alpha", "TOURNAMENT": "classic"}
    scheduled = core._scheduled_run("2026-01-01T00:00", SETTINGS).env.keys()
    assert here.keys() == deployed.keys() | scheduled | {variables.PUBLIC_ID, variables.SECRET_KEY}
