#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Kills training runs with SIGKILL and compares what comes of resuming them,
bit by bit, with a run that nobody disturbed.

    crash.py --kills N --seed N --checkpoint-every N --epochs N --work DIR \\
        [--streams FILE.mlir] [--disk-full] [--record FILE]

Trains the model of tiny_bert.py. Each of the kills is of a new run and falls at
a random moment of it, from its start to its end; every second one waits for a
random checkpoint and falls inside of its write, which a temporary file that is
left behind tells. Each run is then resumed to its end, and model.graft
compared. With --streams a strategy of the streams @source and @target trains
instead of `graft finetune`. With --disk-full the same is done to a run that a full disk stops, a
small tmpfs; where none can be mounted the record says so. Prints a line a kill
and, at the end, one of JSON; exits with 1 when any bit differs.
"""

import argparse
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

import job
import tiny_bert

PATIENCE = 20  # tries to hit the write of a checkpoint


class Run:
    """One run of the command, into `output`."""

    def __init__(self, arguments, output):
        work = arguments.work
        what = ["finetune", "--model", work / "model", "--train",
                work / "train.tsv", "--epochs", arguments.epochs]
        if arguments.streams:
            what = ["train", arguments.streams, "--model",
                    f"net={work / 'model'}", "--data",
                    f"source={work / 'train.tsv'}", "--data",
                    f"target={work / 'test.tsv'}", "--set",
                    f"passes={arguments.epochs}", "--shuffle"]
        self.command = ["graft", *what, "--checkpoint-every",
                        arguments.checkpoint_every, "--output", output,
                        "--quiet"]
        self.output = output

    def start(self, *options, **keywords):
        return subprocess.Popen([str(word) for word in (*self.command,
                                                        *options)],
                                stdout=subprocess.DEVNULL, **keywords)

    def finish(self, *options):
        if self.start(*options).wait() != 0:
            sys.exit(f"{self.output}: expects the run to end well")

    def checkpoints(self):
        return sorted(path.name for path in
                      self.output.glob("checkpoint-*.safetensors"))

    def left_behind(self):
        """Names of checkpoints that were being written."""
        try:
            return [name for name in os.listdir(self.output)
                    if name.startswith("checkpoint-") and ".tmp-" in name]
        except FileNotFoundError:
            return []


def kill_at(run, moment):
    """Kills a new run after `moment` seconds; false when it was faster."""
    process = run.start()
    try:
        process.wait(moment)
        return False
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return True


def kill_inside_write(run, after):
    """Kills a new run while it writes a checkpoint and has kept at least
    `after`; false when the write was over before."""
    process = run.start()
    while process.poll() is None:
        if run.left_behind() and len(run.checkpoints()) >= after:
            break
    process.kill()
    process.wait()
    return bool(run.left_behind())


def same_bits(run, reference):
    return ((run.output / "model.graft").read_bytes() ==
            (reference.output / "model.graft").read_bytes())


def kill_once(arguments, draw, number, duration):
    """A run that was killed, and how."""
    inside = number % 2 == 1
    for _ in range(PATIENCE):
        run = Run(arguments, arguments.work / f"killed-{number}")
        shutil.rmtree(run.output, ignore_errors=True)
        if inside:
            if kill_inside_write(run, draw.randrange(2)):
                return run, "inside the write of a checkpoint"
            continue
        moment = draw.uniform(0, duration)
        if kill_at(run, moment):
            return run, f"after {moment:.2f} s"
        duration = moment  # kernels that are compiled make later runs faster
    sys.exit(f"expects to kill a run in {PATIENCE} tries")


def fill_disk(arguments, reference):
    """Stops a run by a full disk and resumes it; what came of it."""
    disk = arguments.work / "disk"
    disk.mkdir(exist_ok=True)
    # Room for the program and some of the checkpoints; those that --keep lets
    # go make room again, so ballast takes it once two are there.
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m",
                              "tmpfs", str(disk)], capture_output=True,
                             text=True)
    if mounted.returncode != 0:
        return None, f"skipped: cannot mount a tmpfs: {mounted.stderr.strip()}"
    try:
        run = Run(arguments, disk / "run")
        process = run.start(stderr=subprocess.PIPE, text=True)
        while process.poll() is None and len(run.checkpoints()) < 2:
            time.sleep(0.001)
        ballast = disk / "ballast"
        with open(ballast, "wb", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                pass
        message = process.communicate()[1].strip()
        if process.returncode != 1 or "No space left" not in message:
            return False, (f"expects exit code 1 and its reason, got "
                           f"{process.returncode}: {message}")
        ballast.unlink()
        kept = run.checkpoints()
        run.finish("--resume")
        return same_bits(run, reference), (
            f"{message.splitlines()[-1].replace(str(arguments.work), '')}; "
            f"kept {', '.join(kept)}")
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--checkpoint-every", type=int, required=True)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--streams", type=pathlib.Path)
    parser.add_argument("--disk-full", action="store_true")
    parser.add_argument("--record", type=pathlib.Path)
    arguments = parser.parse_args()

    tiny_bert.write(arguments.work, layers=2, rows=640)
    reference = Run(arguments, arguments.work / "whole")
    shutil.rmtree(reference.output, ignore_errors=True)
    start = time.monotonic()
    reference.finish()
    duration = time.monotonic() - start

    draw = random.Random(arguments.seed)
    kills, same = [], 0
    for number in range(arguments.kills):
        run, how = kill_once(arguments, draw, number, duration)
        found = run.checkpoints()
        run.finish("--resume")
        equal = same_bits(run, reference)
        same += equal
        kills.append({"killed": how, "newest": found[-1] if found else None,
                      "same_bits": equal})
        print(f"killed {how}; {found[-1] if found else 'no checkpoint'}; "
              f"{'same bits' if equal else 'OTHER BITS'}", flush=True)
        shutil.rmtree(run.output)
    record = {
        "seed": arguments.seed, "kills": len(kills), "same_bits": same,
        "inside_a_write": sum("inside" in kill["killed"] for kill in kills),
        "each": kills,
    }
    passed = same == len(kills)
    if arguments.disk_full:
        disk_passed, record["disk_full"] = fill_disk(arguments, reference)
        passed = passed and disk_passed is not False
    job.finish(passed, record, arguments.record)


if __name__ == "__main__":
    main()
