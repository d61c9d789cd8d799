"""The deployed job, the trigger and a local run set the variables of one list."""

from __future__ import annotations

import pytest

from nodefile import variables
from nodefile.mistakes import Mistakes
from nodefile.texts import read_env
from pnodes.local import variables as local
from tests.providers.patients import MODEL, node
from trigger import calls
from trigger.table import Row

ROW = Row(MODEL, "alpha", "0" * 64, "job")
CALL = {"roundNumber": 371, "dataVersion": 1, "triggerId": "3c29d1c1-6a0f-4c3e-9b5c-3f4f3d8d5f11", "isTest": True}


def test_the_triggers_variables_are_listed_and_reserved() -> None:
    run, scheduled = calls.read_webhook(ROW, CALL), calls.read_schedule(ROW, "2026-01-01T00:00")
    assert run.env.keys() - {"MODEL_ID", "NODE_NAME"} == variables.RUN_VARIABLES
    assert scheduled.env.keys() <= variables.RESERVED
    for name in variables.RESERVED:
        with pytest.raises(Mistakes, match="is set automatically for every node"):
            read_env({name: "x"})


def test_a_local_run_has_the_same_variables_as_a_scheduled_run() -> None:
    alpha = node(env={"EXTRA": "1"})
    here = local.list_node_variables(alpha, local.Account(MODEL))
    deployed = variables.list_constants(alpha, MODEL)
    assert deployed == {"EXTRA": "1", "MODEL_ID": MODEL, "NODE_NAME": "alpha", "TOURNAMENT": "classic"}
    scheduled = calls.read_schedule(ROW, "2026-01-01T00:00").env.keys()
    assert here.keys() == deployed.keys() | scheduled | {variables.PUBLIC_ID, variables.SECRET_KEY}
