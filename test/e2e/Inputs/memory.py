#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Holds the memory of a training run against what `graft plan` says.

    memory.py --model DIR --work DIR --batch-size N --length N --steps N \\
        [--record FILE] [-- OPTION...]

Trains on texts of --length tokens, so that each batch fills the bounds of the
program; the options go to `graft finetune`. Measured is the growth of the
resident anonymous memory of the process, from when its program is compiled to
the end of the last step, by sampling: its peak (VmHWM) would have the pages of
mapped weights and code in it. The plan must be within 5 % of that. Prints a
line of JSON and exits with 1 when it is not.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import time

import job

BOUND = 0.05
BATCHES = 4  # of the table; more steps are more epochs
PAUSE = 0.005  # seconds between samples


def read_status(process):
    """Kilobytes by name, of /proc; empty once the process has ended."""
    try:
        with open(f"/proc/{process.pid}/status", encoding="utf-8") as file:
            pairs = (line.split(":", 1) for line in file)
            return {name: int(value.split()[0]) for name, value in pairs
                    if value.strip().endswith("kB")}
    except (FileNotFoundError, ProcessLookupError):
        return {}


def last_step_done(output, steps):
    try:
        return f'"step":{steps},' in (output / "metrics.jsonl").read_text()
    except FileNotFoundError:
        return False


def watch(process, output, steps):
    """Anonymous memory before the program is loaded and at its largest until
    the last step, and samples taken; in bytes."""
    before, largest, samples = 0, 0, 0
    while process.poll() is None:
        anonymous = read_status(process).get("RssAnon", 0) * 1024
        # Looked at after the sample: what comes after the last step, writing
        # the artifact, is not training.
        if last_step_done(output, steps):
            break
        if not (output / "program.graft").exists():
            before = anonymous
        largest = max(largest, anonymous)
        samples += 1
        time.sleep(PAUSE)
    return before, largest, samples


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--length", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--record", type=pathlib.Path)
    parser.add_argument("options", nargs="*")
    arguments = parser.parse_args()

    output = arguments.work / "output"
    shutil.rmtree(output, ignore_errors=True)
    arguments.work.mkdir(parents=True, exist_ok=True)
    table = arguments.work / "train.tsv"
    job.write_equal_texts(table, BATCHES * arguments.batch_size,
                          arguments.length)
    command = ["graft", "finetune", "--model", arguments.model, "--train",
               table, "--batch-size", arguments.batch_size, "--epochs",
               -(-arguments.steps // BATCHES), "--max-steps", arguments.steps,
               "--max-length", arguments.length, "--output", output, "--quiet",
               "--json", *arguments.options]
    with subprocess.Popen([str(word) for word in command],
                          stdout=subprocess.PIPE, text=True) as process:
        before, largest, samples = watch(process, output, arguments.steps)
        summary = process.communicate()[0]
    if process.returncode != 0:
        raise SystemExit(f"graft finetune: exit code {process.returncode}")
    tokens = arguments.steps * arguments.batch_size * arguments.length
    if json.loads(summary)["tokens"] != tokens:
        raise SystemExit(f"expects {tokens} tokens, got {summary}")
    plan = json.loads(job.run("graft", "plan", output / "program.graft",
                              "--json"))["bytes"]
    grown = largest - before
    difference = plan["total"] / grown - 1
    job.finish(abs(difference) <= BOUND, {
        "tokens_a_step": arguments.batch_size * arguments.length,
        "steps": arguments.steps, "samples": samples, "grown_bytes": grown,
        "plan_bytes": plan, "difference": difference, "bound": BOUND,
    }, arguments.record)


if __name__ == "__main__":
    main()
