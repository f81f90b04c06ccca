#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares the speed of fine-tuning with PyTorch's on this machine.

    bench_train.py [--rounds N] [--rows N] [--threads N] [--output FILE]

Each round is one epoch of Graft and of PyTorch (eager, fp32) over the same
first rows of the quickstart's data, batches of 32, in an order that rotates, so
that a machine that slows down slows all. PyTorch gets its best case: texts
sorted by length, which leaves almost no padding; Graft takes them as they come.
PyTorch runs as installed and, on processors that are not Intel's, once more
`tuned`: with MKL told to use the code it keeps for Intel's. Times are of the
training loop, without start, tokenising and compiling. Writes JSON with each
run and the ratios of examples a second, their median and range. Takes
GRAFT_REFERENCE_PYTHON and GRAFT_MINILM from the environment, as `./run bench
train` sets them.
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
             "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
# Set for an old library's sake on some machines; they halve a peer's speed.
UNSET_FOR_PEERS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def run(*command, env=None):
    done = subprocess.run([str(word) for word in command], text=True,
                          capture_output=True, env=env)
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


def run_reference(train, work, threads, preload=None):
    env = {name: value for name, value in os.environ.items()
           if name not in UNSET_FOR_PEERS}
    if preload:
        env["LD_PRELOAD"] = str(preload)
    run(accept.setting("GRAFT_REFERENCE_PYTHON"),
        ROOT / "test/e2e/reference/finetune.py", "--model",
        accept.setting("GRAFT_MINILM"), "--train", train, "--max-length", 128,
        "--sort-by-length", "--threads", threads, "--output",
        work / "reference.json", env=env)
    return json.loads((work / "reference.json").read_text())


def is_intel():
    return "GenuineIntel" in pathlib.Path("/proc/cpuinfo").read_text()


def has_mkl():
    return run(accept.setting("GRAFT_REFERENCE_PYTHON"), "-c",
               "import torch; print(torch.backends.mkl.is_available())"
               ).strip() == "True"


def reference_sides(work):
    """What PyTorch runs as, by name; says why a column is missing."""
    sides = {"pytorch": run_reference}
    if is_intel() or not has_mkl():
        print("pytorch tuned: not run, there is nothing to tune: " +
              ("the processor is Intel's" if is_intel() else
               "this PyTorch has no MKL"))
        return sides
    library = work / "libmkl_as_intel.so"
    run("clang-22", "-shared", "-fPIC", "-O2",
        ROOT / "tools/dev/mkl_as_intel.c", "-o", library)
    sides["pytorch_tuned"] = lambda *rest: run_reference(*rest,
                                                         preload=library)
    return sides


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
    sides = {"graft": run_graft, **reference_sides(work)}
    names, rounds = list(sides), []
    for number in range(arguments.rounds):
        first = number % len(names)
        speeds = {}
        for name in names[first:] + names[:first]:
            record = sides[name](train, work, arguments.threads)
            speeds[name] = record["examples_per_second"]
            if name != "graft":
                speeds["torch"] = record["torch"]
        rounds.append(speeds)
        print(f"round {number + 1}: " + ", ".join(
            f"{name} {speeds[name]:.1f}" for name in names) + " examples/s",
            flush=True)
    return rounds


def ratios(rounds):
    """Graft's speed over that of each PyTorch, round by round."""
    result = {}
    for name in ("pytorch", "pytorch_tuned"):
        values = [speeds["graft"] / speeds[name] for speeds in rounds
                  if name in speeds]
        if values:
            result[name] = {"median": statistics.median(values),
                            "least": min(values), "most": max(values)}
    return result


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--threads", type=int,
                        default=len(os.sched_getaffinity(0)),
                        help="of each side (default: all processors)")
    parser.add_argument("--output", type=pathlib.Path,
                        default=ROOT / "build/bench/train.json")
    arguments = parser.parse_args()
    for name in ("rounds", "rows", "threads"):
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
    rounds = measure(arguments, train, work)
    record = {
        "item": "bench-train", "commit": accept.git("rev-parse", "HEAD"),
        "changed": bool(accept.git("status", "--porcelain", "--",
                                   *accept.EXCEPT_RECORDS)),
        "date": datetime.datetime.now(
            datetime.timezone.utc).isoformat(timespec="seconds"),
        "command": " ".join(["./run bench train", *sys.argv[1:]]),
        "processor": accept.processor(), "threads": arguments.threads,
        "rows": arguments.rows, "environment": environment,
        "load_before": load, "rounds": rounds, "ratio": ratios(rounds),
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(record, indent=2) + "\n")
    for name, ratio in record["ratio"].items():
        print(f"graft / {name}: median {ratio['median']:.2f}, from "
              f"{ratio['least']:.2f} to {ratio['most']:.2f}")
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
