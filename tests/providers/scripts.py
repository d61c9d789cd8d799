"""What the containers of these tests run."""

SPEAK = "print('first')\nprint('last')\n"
FAIL = "import sys\nprint('about to fail')\nsys.exit(3)\n"
# Ends when somebody ends it: a test that waits for its first line needs no clock.
SLEEP = "import threading\nprint('asleep', flush=True)\nthreading.Event().wait()\n"
