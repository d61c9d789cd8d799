"""The scripts that the containers of these tests run."""

SPEAK = "print('first')\nprint('last')\n"
FAIL = "import sys\nprint('about to fail')\nsys.exit(3)\n"
# Runs until it is stopped, so that a test which waits for its first line does not depend on time.
SLEEP = "import threading\nprint('asleep', flush=True)\nthreading.Event().wait()\n"
