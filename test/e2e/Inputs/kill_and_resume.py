#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Kills a training run with SIGKILL at random moments, resumes it each time,
and compares the bits of the result with those of an uninterrupted run.

    kill_and_resume.py --kills 5 --seed 1 --reference REF/ --output OUT/ -- \\
        graft finetune ... (without --output, --resume)

The uninterrupted run writes REF/ first; its duration sets the moments.
"""

import argparse
import pathlib
import random
import subprocess
import sys
import time


def run(command, output, resume):
    """Starts the run; returns the process."""
    extra = ["--output", str(output), "--quiet"] + ["--resume"] * resume
    return subprocess.Popen(command + extra, stdout=subprocess.DEVNULL)


def newest(output):
    names = sorted(path.name for path in output.glob("checkpoint-*.safetensors"))
    return names[-1] if names else "no checkpoint"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--reference", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()

    start = time.monotonic()
    if run(arguments.command, arguments.reference, False).wait() != 0:
        sys.exit("the uninterrupted run failed")
    duration = time.monotonic() - start

    draw = random.Random(arguments.seed)
    killed = 0
    resume = False
    # Between kills a run must get ahead, or the test would not end.
    while killed < arguments.kills:
        process = run(arguments.command, arguments.output, resume)
        moment = draw.uniform(0.1, 1.0) * duration
        try:
            code = process.wait(moment)
            if code != 0:
                sys.exit(f"a resumed run failed with code {code}")
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        killed += 1
        resume = (arguments.output / "program.graft").exists()
        print(f"killed after {moment:.2f} s; {newest(arguments.output)}; "
              f"left aside: {len(list(arguments.output.glob('*.tmp-*')))}")
    if run(arguments.command, arguments.output, resume).wait() != 0:
        sys.exit("the last run failed")
    same = ((arguments.reference / "model.graft").read_bytes() ==
            (arguments.output / "model.graft").read_bytes())
    print(f"{killed} kills, seed {arguments.seed}: "
          f"{'same bits' if same else 'OTHER BITS'}")
    if killed == 0 or not same:
        sys.exit(1)


if __name__ == "__main__":
    main()
