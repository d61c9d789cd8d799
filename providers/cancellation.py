"""Whether the user cancels `up`: the engine's first Ctrl-C (or SIGTERM), which `providers.patches` passes on."""

import threading

cancelled = threading.Event()
"""Set once the update is cancelled; the process ends with the update."""
