#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Holds training with a memory budget against training without one.

    memory_budget.py --model DIR --work DIR --batch-size N --length N \\
        --steps N --pairs N [--precision P...] [--share S] [--slower S] \\
        [--record FILE]

Trains on texts of --length tokens, with dropout, without a budget and with one
of --share of the arena, in each --precision. The losses of all steps must be
equal within 1e-6, relative, in bf16 within 1e-3; the median over --pairs of the
time of a step, measured in turn by `graft bench --train`, at most --slower times
as long. A budget of one byte must be refused with the least that will do, which
is more than that and less than the budget. Prints a line of JSON and exits with 1 when something does not hold.
"""

import argparse
import json
import pathlib
import re
import shutil
import statistics
import subprocess

import job

BOUNDS = {"fp32": 1e-6, "bf16": 1e-3}


def finetune(arguments, precision, output, *options):
    return [str(word) for word in (
        "graft", "finetune", "--model", arguments.model, "--train",
        arguments.work / "train.tsv", "--batch-size", arguments.batch_size,
        "--epochs", arguments.steps, "--max-steps", arguments.steps,
        "--max-length", arguments.length, "--log-every", "1", "--precision",
        precision, "--output", output, "--quiet", *options)]


def train(arguments, precision, name, *options):
    """Losses of the steps, and the bytes of the plan."""
    output = arguments.work / name
    job.run(*finetune(arguments, precision, output, *options))
    lines = [json.loads(line) for line in
             (output / "metrics.jsonl").read_text().splitlines()]
    plan = json.loads(job.run("graft", "plan", output / "program.graft",
                              "--json"))["bytes"]
    return [line["loss"] for line in lines if "loss" in line], plan["arena"]


def step_seconds(arguments, name):
    line = job.run("graft", "bench", arguments.work / name / "program.graft",
                   "--batch", arguments.batch_size, "--length",
                   arguments.length, "--train", "--json")
    return json.loads(line)["median_ms"] / 1000


def least_budget(arguments, precision):
    done = subprocess.run(
        finetune(arguments, precision, arguments.work / "refused",
                 "--memory-budget", "1"),
        text=True, capture_output=True)
    found = re.search(r"memory budget of at least (\d+) bytes", done.stderr)
    if done.returncode == 0 or not found:
        raise SystemExit(f"expects a refusal, got {done.stderr}")
    return int(found.group(1))


def measure(arguments, precision):
    """Whether all holds, and the numbers."""
    whole, arena = train(arguments, precision, "whole")
    budget = int(arguments.share * arena)
    bounded, bounded_arena = train(arguments, precision, "bounded",
                                   "--memory-budget", budget)
    if len(whole) != arguments.steps or len(bounded) != arguments.steps:
        raise SystemExit(f"expects {arguments.steps} losses, got {len(whole)} "
                         f"and {len(bounded)}")
    difference = max(abs(a - b) / abs(a) for a, b in zip(whole, bounded))
    pairs = [(step_seconds(arguments, "whole"),
              step_seconds(arguments, "bounded"))
             for _ in range(arguments.pairs)]
    slower = statistics.median(b / a for a, b in pairs)
    least = least_budget(arguments, precision)
    bound = BOUNDS[precision]
    return (difference <= bound and slower <= arguments.slower and
            1 < least <= bounded_arena <= budget,
            {"arena_bytes": arena, "budget_bytes": budget,
             "bounded_arena_bytes": bounded_arena, "least_bytes": least,
             "steps": arguments.steps, "difference": difference,
             "bound": bound, "step_seconds": pairs, "slower": slower,
             "slower_bound": arguments.slower})


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--batch-size", type=int, required=True)
    parser.add_argument("--length", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--pairs", type=int, required=True)
    parser.add_argument("--precision", choices=BOUNDS, nargs="+",
                        default=["fp32"])
    parser.add_argument("--share", type=float, default=0.5)
    parser.add_argument("--slower", type=float, default=1.35)
    parser.add_argument("--record", type=pathlib.Path)
    arguments = parser.parse_args()

    shutil.rmtree(arguments.work, ignore_errors=True)
    arguments.work.mkdir(parents=True)
    job.write_equal_texts(arguments.work / "train.tsv",
                          4 * arguments.batch_size, arguments.length)
    found = {}
    for precision in arguments.precision:
        found[precision] = measure(arguments, precision)
        for name in ("whole", "bounded"):
            shutil.rmtree(arguments.work / name)
    job.finish(all(good for good, _ in found.values()),
               {precision: numbers for precision, (_, numbers)
                in found.items()}, arguments.record)


if __name__ == "__main__":
    main()
