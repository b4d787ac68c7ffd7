"""The environment of tests, set before numpy and torch are imported (`-p` in pyproject.toml)."""

from __future__ import annotations

import os
import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell starts background jobs so; the programs that tests start would inherit it, and the
    # tests of Ctrl-C would wait for ever.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if "PYTEST_XDIST_WORKER" in os.environ:
    # Tests run side by side; with threads for every core in each of them, they would wait for
    # each other. The programs that tests start inherit it.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
