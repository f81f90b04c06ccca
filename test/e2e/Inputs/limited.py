# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Runs a command that may have so many MiB of memory of its own: what it maps of
files, read only, does not count (RLIMIT_DATA).

    limited.py MIB COMMAND [ARGUMENT...]
"""

import os
import resource
import sys

limit = int(sys.argv[1]) << 20
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
os.execvp(sys.argv[2], sys.argv[2:])
