"""The runtime of one Lambda function: loads the handler from a folder and calls it with each posted event.

Run as a program: `python -P host.py FOLDER PORT`. It imports nothing from the sandbox. boto3 is available, as in the
real runtime.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
import traceback
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Handles one event at a time, like one instance of a function."""

    function: Any
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Call the function with an event."""
        event = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
        failed = False
        try:
            text = json.dumps(type(self).function(event, None))
        except Exception as error:  # noqa: BLE001 - any exception is a failure of the function
            traceback.print_exc()
            failed, text = True, json.dumps({"errorMessage": str(error), "errorType": type(error).__name__})
        body = text.encode()
        self.send_response(200)
        if failed:
            self.send_header("x-failed", "1")
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Discard the access log, which is not part of the function's log."""


def main() -> None:
    """Serve the folder and port from the command line."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    sys.path.insert(0, sys.argv[1])
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    Handler.function = staticmethod(getattr(importlib.import_module(module), name))
    HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()


if __name__ == "__main__":
    main()
