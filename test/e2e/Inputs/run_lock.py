#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Two runs in one folder, and what a killed one leaves.

    run_lock.py WORK

WORK has the model and the tables of tiny_bert.py, and few.tsv.
"""

import os
import pathlib
import subprocess
import sys
import time

SECONDS = 60


def command(work, output, *options):
    return [str(word) for word in (
        "graft", "finetune", "--model", work / "model", "--train",
        work / "few.tsv", "--epochs", "100000", "--output", output, "--quiet",
        *options)]


def wait_for(condition, what):
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"expects {what}, got none in {SECONDS} s")
        time.sleep(0.001)


def children(process):
    path = pathlib.Path(f"/proc/{process}/task/{process}/children")
    return path.read_text().split() if path.exists() else []


def is_running(process):
    try:
        stat = pathlib.Path(f"/proc/{process}/stat").read_text()
        return stat.rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def main():
    work = pathlib.Path(sys.argv[1])
    output = work / "locked"
    first = subprocess.Popen(command(work, output), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    wait_for((output / "metrics.jsonl").exists, "metrics")
    for option in ("--resume", "--overwrite"):
        second = subprocess.run(command(work, output, option),
                                capture_output=True, text=True, check=False)
        if (second.returncode != 1 or
                f"locked by process {first.pid}" not in second.stderr):
            sys.exit(f"expects a refusal that names {first.pid}, got "
                     f"{second.returncode}: {second.stderr}")
    if first.poll() is not None:
        sys.exit("expects the first run at work")
    print("second run refused")
    first.kill()
    first.wait()

    # Killed while the program is compiled.
    output = work / "compiled"
    first = subprocess.Popen(command(work, output), stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL)
    wait_for(lambda: children(first.pid), "a compiler")
    child = children(first.pid)[0]
    first.kill()
    first.wait()
    wait_for(lambda: not is_running(child), "the end of the compiler")
    print("compiler ended with its parent")

    (output / "new.part").mkdir(exist_ok=True)
    (output / "new.part" / "program.graft").write_text("half")
    left = output / "checkpoint-000000002.safetensors.tmp-99-0"
    mine = output / "mine.tmp-99-0"
    for path in (left, mine):
        path.write_text("half")
    subprocess.run(command(work, output, "--resume", "--max-steps", "1"),
                   check=True, stdout=subprocess.DEVNULL)
    if left.exists() or (output / "new.part").exists() or not mine.exists():
        sys.exit(f"expects the leftovers of runs to be gone, got "
                 f"{os.listdir(output)}")
    print("leftovers removed")


if __name__ == "__main__":
    main()
