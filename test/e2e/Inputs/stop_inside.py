#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Stops a run by a signal until it has stopped inside of a step, between rows of a batch
and their gradients, then resumes it:

    stop_inside.py WHOLE WORK COMMAND...

COMMAND trains into the folder that --output of COMMAND gets behind it. The model must
have the bytes of that in WHOLE. Prints in how many stops the checkpoint had rows.
"""

import json
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import time

TRIES = 40


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
    draw = random.Random(7)
    start = time.monotonic()
    subprocess.run([*command, "--output", work / "timed"], check=True)
    seconds = time.monotonic() - start
    found = 0
    for turn in range(TRIES):
        folder = work / f"turn{turn}"
        run = subprocess.Popen([*command, "--output", folder])
        time.sleep(seconds * draw.uniform(0.2, 1.0))
        run.send_signal(signal.SIGINT)
        run.wait()
        found += bool(rows(folder))
        if not (folder / "model.graft").exists():
            if not list(folder.glob("checkpoint-*")):
                shutil.rmtree(folder, ignore_errors=True)
                continue
            subprocess.run([*command, "--resume", "--output", folder], check=True)
        if (folder / "model.graft").read_bytes() != pathlib.Path(whole).read_bytes():
            sys.exit(f"turn {turn}: the model differs from that of a whole run")
        shutil.rmtree(folder)
        if found == 2:
            break
    print(f"{found} stops inside of a step; same bits")


if __name__ == "__main__":
    main()
