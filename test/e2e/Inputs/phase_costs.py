# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares the work of a program of several phases with programs of one phase each.

    phase_costs.py ALL PHASE=ALONE...

Each is the output of `graft inspect --commands`; ALONE is the program of PHASE alone.
Fails unless both launch the same kernels on as much data, in arenas of the same size.
"""

import collections
import pathlib
import re
import sys


def entries(path):
    """The kernels of each entry with their grids, and the size of its arena."""
    found = {}
    for line in pathlib.Path(path).read_text().splitlines():
        if entry := re.match(r"entry +(\w+)\(.* arena (\d+) bytes", line):
            kernels = collections.Counter()
            found[entry[1]] = kernels, int(entry[2])
        elif command := re.match(r" +\d+ (\w+).* grid (.*?)(?: //.*)?$", line):
            # Kernels are numbered in a program, values lie where there is room.
            kernels[command[1], command[2]] += 1
    return found


def main():
    whole, *pairs = sys.argv[1:]
    both = entries(whole)
    for phase, path in (pair.split("=") for pair in pairs):
        alone = entries(path)
        for entry in ("accumulate", "update"):
            got, wanted = both[f"{entry}_{phase}"], alone[entry]
            if got != wanted:
                sys.exit(f"{entry} of {phase}: expects {wanted}, got {got}")
            print(f"{entry} of {phase}: {got[0].total()} commands, arena of "
                  f"{got[1]} bytes")


if __name__ == "__main__":
    main()
