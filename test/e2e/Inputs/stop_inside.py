#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Stops a run by a signal inside of a step, between rows of a batch and their gradients,
then resumes it:

    stop_inside.py WHOLE WORK COMMAND...

COMMAND trains into the folder that --output of COMMAND gets behind it. It is stopped
before instructions of its host program that are spread over it, until two checkpoints
have had rows. The model must have the bytes of that in WHOLE. Prints in how many stops
the checkpoint had rows.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

STOPS = 11


def rows(folder):
    """The rows of a batch in the newest checkpoint."""
    paths = sorted(folder.glob("checkpoint-*.safetensors"))
    if not paths:
        return []
    with open(paths[-1], "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return [name for name in header if name.startswith("$rows.")]


def main():
    whole, work, *command = sys.argv[1:]
    work = pathlib.Path(work)
    trace = work / "trace"
    subprocess.run([*command, "--output", work / "traced"], check=True,
                   env={**os.environ, "GRAFT_TRACE_HOST": str(trace)})
    instructions = len(trace.read_text().split())
    found = 0
    for turn in range(1, STOPS + 1):
        folder = work / f"turn{turn}"
        stop = str(instructions * turn // (STOPS + 1))
        subprocess.run([*command, "--output", folder], check=False,
                       env={**os.environ, "GRAFT_STOP_AT": stop})
        found += bool(rows(folder))
        subprocess.run([*command, "--resume", "--output", folder], check=True)
        if (folder / "model.graft").read_bytes() != pathlib.Path(whole).read_bytes():
            sys.exit(f"turn {turn}: the model differs from that of a whole run")
        shutil.rmtree(folder)
        if found == 2:
            break
    print(f"{found} stops inside of a step; same bits")


if __name__ == "__main__":
    main()
