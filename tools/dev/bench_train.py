#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares the speed of fine-tuning with PyTorch's on this machine.

    bench_train.py [--pairs N] [--rows N] [--threads N] [--output FILE]

Each pair is one epoch of Graft and one of PyTorch (eager, fp32) over the same
first rows of the quickstart's data, batches of 32, in alternating order, so
that a machine that slows down slows both. PyTorch gets its best case: texts
sorted by length, which leaves almost no padding; Graft takes them as they
come. Times are of the training loop, without start, tokenising and compiling.
Writes JSON with each run and the ratio of examples a second, its median and
its range. Takes GRAFT_REFERENCE_PYTHON and GRAFT_MINILM from the environment,
as `./run bench train` sets them.
"""

import argparse
import datetime
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys

import accept

ROOT = accept.ROOT
VARIABLES = ("OMP_NUM_THREADS", "OMP_PROC_BIND", "KMP_AFFINITY",
             "MKL_NUM_THREADS", "MKL_DYNAMIC", "OPENBLAS_NUM_THREADS",
             "OPENBLAS_CORETYPE")


def run(*command):
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: exit code "
                 f"{done.returncode}\n{done.stderr}")
    return done.stdout


def run_graft(train, work, threads):
    shutil.rmtree(work / "graft", ignore_errors=True)
    return json.loads(run(
        ROOT / "build/bin/graft", "finetune", "--model",
        accept.setting("GRAFT_MINILM"), "--train", train, "--max-length", 128,
        "--output", work / "graft", "--threads", threads, "--json", "--quiet"))


def run_reference(train, work, threads):
    run(accept.setting("GRAFT_REFERENCE_PYTHON"),
        ROOT / "test/e2e/reference/finetune.py", "--model",
        accept.setting("GRAFT_MINILM"), "--train", train, "--max-length", 128,
        "--sort-by-length", "--threads", threads, "--output",
        work / "reference.json")
    return json.loads((work / "reference.json").read_text())


def first_rows(source, target, rows):
    with open(source, encoding="utf-8", newline="\n") as file:
        lines = list(file)
    if len(lines) <= rows:
        sys.exit(f"{source}: expects at least {rows} rows, got "
                 f"{len(lines) - 1}")
    with open(target, "w", encoding="utf-8", newline="\n") as file:
        file.writelines(lines[:rows + 1])
    return target


def measure(arguments, train, work):
    pairs = []
    for number in range(arguments.pairs):
        sides = {}
        order = [("graft", run_graft), ("pytorch", run_reference)]
        for name, side in order if number % 2 == 0 else order[::-1]:
            record = side(train, work, arguments.threads)
            sides[name] = record["examples_per_second"]
            if name == "pytorch":
                sides["torch"] = record["torch"]
        sides["ratio"] = sides["graft"] / sides["pytorch"]
        pairs.append(sides)
        print(f"pair {number + 1}: graft {sides['graft']:.1f}, pytorch "
              f"{sides['pytorch']:.1f} examples/s, ratio "
              f"{sides['ratio']:.2f}", flush=True)
    return pairs


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--threads", type=int,
                        default=len(os.sched_getaffinity(0)),
                        help="of each side (default: all processors)")
    parser.add_argument("--output", type=pathlib.Path,
                        default=ROOT / "build/bench/train.json")
    arguments = parser.parse_args()
    for name in ("pairs", "rows", "threads"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name}: expects at least 1, got "
                         f"{getattr(arguments, name)}")
    work = ROOT / "build" / "bench"
    work.mkdir(parents=True, exist_ok=True)
    environment = {name: os.environ.get(name) for name in VARIABLES}
    for name, value in environment.items():
        print(f"{name}={'(not set)' if value is None else value}")
    load = os.getloadavg()[0]
    print(f"load before: {load:.1f} on {os.cpu_count()} processors")
    train = first_rows(ROOT / "build/glosses/train.tsv", work / "train.tsv",
                       arguments.rows)
    pairs = measure(arguments, train, work)
    ratios = [pair["ratio"] for pair in pairs]
    record = {
        "item": "bench-train", "commit": accept.git("rev-parse", "HEAD"),
        "changed": bool(accept.git("status", "--porcelain", "--",
                                   *accept.EXCEPT_RECORDS)),
        "date": datetime.datetime.now(
            datetime.timezone.utc).isoformat(timespec="seconds"),
        "command": " ".join(["./run bench train", *sys.argv[1:]]),
        "processor": accept.processor(), "threads": arguments.threads,
        "rows": arguments.rows, "environment": environment,
        "load_before": load, "pairs": pairs,
        "ratio": {"median": statistics.median(ratios), "least": min(ratios),
                  "most": max(ratios)},
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(record, indent=2) + "\n")
    print(f"graft / pytorch: median {record['ratio']['median']:.2f}, from "
          f"{min(ratios):.2f} to {max(ratios):.2f}; wrote {arguments.output}")


if __name__ == "__main__":
    main()
