#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Measures how long it takes to begin, and how large `graft` is.

    startup.py --model DIR --work DIR --text TEXT [--record FILE]

compile  seconds from a checkpoint to its training program for this processor,
         without a cache, the median of three; at most 10
cached   the same with all kernels in the cache, the median of five after one
         that fills it; at most 1
predict  milliseconds of a whole `graft predict` of one text with the model that
         a step of training leaves, the median of eleven after one that is not
         counted; at most 100
verify   milliseconds that `--no-verify` saves of it, the median of 15 pairs of
         runs, whichever is first by turns; at most 15
memory   most bytes of it that were resident at once, beyond the file with the
         weights; at most 30 million
size     bytes of `graft`, stripped; at most 15 million

Prints a line of JSON and exits with 1 when a bound is broken.
"""

import argparse
import pathlib
import shutil
import statistics
import sys
import time

import job

BOUNDS = {"compile_seconds": 10, "cached_compile_seconds": 1,
          "predict_milliseconds": 100, "verify_milliseconds": 15,
          "resident_bytes_beyond_file": 30_000_000,
          "stripped_bytes": 15_000_000}


def measure(*command):
    """Seconds of a whole process."""
    start = time.monotonic()
    job.run(*command)
    return time.monotonic() - start


def compare(predict, i):
    """Milliseconds that checking the weights takes; `i` chooses what is first."""
    seconds = {}
    for option in ([], ["--no-verify"])[::1 if i % 2 else -1]:
        seconds[bool(option)] = measure(*predict, *option)
    return 1000 * (seconds[False] - seconds[True])


def train(model, work):
    """The artifact of one step."""
    table, run = work / "table.tsv", work / "run"
    job.write_equal_texts(table, 32, 8)
    job.run("graft", "finetune", "--model", model, "--train", table,
            "--max-steps", 1, "--output", run, "--overwrite", "--quiet")
    return run / "model.graft"


def peak(*command):
    """Most bytes of memory of a process, its mapped files included."""
    script = ("import resource, subprocess, sys\n"
              "subprocess.run(sys.argv[1:], check=True, "
              "stdout=subprocess.DEVNULL)\n"
              "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)")
    return 1024 * int(job.run(sys.executable, "-c", script, *command))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--text", required=True)
    parser.add_argument("--record", type=pathlib.Path)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)

    program = arguments.work / "program.graft"

    def compile_once(cache):
        return measure("graft-compile", arguments.model, "--classes", 26,
                       "--max-tokens", 768, "--max-sequences", 32, "--cache",
                       cache, "-o", program)

    compilations = [compile_once("") for _ in range(3)]
    cache = arguments.work / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    cached = [compile_once(cache) for _ in range(6)][1:]
    model = train(arguments.model, arguments.work)
    predict = ["graft", "predict", model, "--text", arguments.text]
    answers = [1000 * measure(*predict) for _ in range(12)][1:]
    pairs = [compare(predict, i) for i in range(15)]
    resident = peak(*predict)
    stripped = arguments.work / "graft"
    job.run("strip", "-o", stripped, shutil.which("graft"))
    numbers = {
        "compile_seconds": statistics.median(compilations),
        "cached_compile_seconds": statistics.median(cached),
        "predict_milliseconds": statistics.median(answers),
        "verify_milliseconds": statistics.median(pairs),
        "resident_bytes_beyond_file": resident - model.stat().st_size,
        "stripped_bytes": stripped.stat().st_size,
    }
    job.finish(all(numbers[name] <= bound for name, bound in BOUNDS.items()), {
        **numbers, "bounds": BOUNDS, "each_compilation": compilations,
        "each_cached_compilation": cached, "each_answer": answers,
        "each_verification": pairs,
    }, arguments.record)


if __name__ == "__main__":
    main()
