#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Runs a command whose standard output is a pipe that nobody reads.

    closed_pipe.py COMMAND ARGUMENT...

SIGPIPE is ignored when the command starts, as some parents leave it.
"""

import os
import signal
import subprocess
import sys

reader, writer = os.pipe()
os.close(reader)
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
done = subprocess.run(sys.argv[1:], stdout=writer, stderr=subprocess.PIPE,
                      restore_signals=False, timeout=60)
ended = ("by SIGPIPE" if done.returncode == -signal.SIGPIPE
         else f"with {done.returncode}")
print(f"ended {ended}, {len(done.stderr)} bytes of messages")
