"""The runtime of one Lambda function: loads its handler from a folder and calls it with each event that is posted.

Run as a program: `python -P host.py FOLDER PORT`. It needs nothing of the sandbox; boto3 is there, as in the runtime.
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
    """One event at a time, as one instance of a function gets them."""

    function: Any
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """An event."""
        event = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
        failed = False
        try:
            text = json.dumps(type(self).function(event, None))
        except Exception as error:  # noqa: BLE001 - whatever the function raises is its own failure
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
        """The platform's access log is no part of the function's."""


def main() -> None:
    """Serve the folder and port that the command line names."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    sys.path.insert(0, sys.argv[1])
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    Handler.function = staticmethod(getattr(importlib.import_module(module), name))
    HTTPServer(("127.0.0.1", int(sys.argv[2])), Handler).serve_forever()


if __name__ == "__main__":
    main()
