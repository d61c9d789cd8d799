"""The host of the simulated Azure Functions loses what a thread logs that does not name its call, as Azure's does."""

from __future__ import annotations

import sys
from pathlib import Path

from sandbox.azure import host
from sandbox.cloud import Kernel

APP = b"""
import logging, threading
import azure.functions as func

app = func.FunctionApp()

@app.function_name("tick")
@app.timer_trigger(schedule="0 * * * * *", arg_name="timer")
def tick(timer: func.TimerRequest, context: func.Context) -> None:
    def name_the_call():
        context.thread_local_storage.invocation_id = context.invocation_id
        logging.info("a thread of the call")
    logging.info("the call")
    for work in (lambda: logging.info("some thread"), name_the_call):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    raise ValueError("the end")
"""


def test_a_line_belongs_to_a_call_or_is_lost(kernel: Kernel) -> None:
    code = {"function_app.py": APP, "host.json": b'{"version": "2.0"}'}
    argv = [sys.executable, "-P", str(Path(host.__file__)), "{root}", "{port}"]
    kernel.functions.deploy("azure/app", code, argv, {})
    status, _, _ = kernel.functions.request("azure/app", "POST", "/admin/functions/tick", {}, b"{}")
    assert status == 202
    lines = kernel.functions.logs("azure/app").splitlines()
    assert [line for line in lines if "the call" in line or "thread" in line] == ["the call", "a thread of the call"]
    assert lines[-1] == "ValueError: the end", "a failure is part of the call"
