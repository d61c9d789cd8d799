"""Whether the user has cancelled `up`. `providers.patches` sets this on the engine's first Ctrl-C or SIGTERM."""

import threading

cancelled = threading.Event()
"""Set when the update is cancelled and never cleared, since the process ends with the update."""
