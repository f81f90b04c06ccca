#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Kills runs with SIGKILL before instructions of their host programs, and compares what
comes of continuing them, bit by bit, with a run that nobody disturbed.

    kill_everywhere.py --work DIR [--points N] [--kinds NAME...] [--record FILE]

Trains the model of tiny_bert.py by a strategy of each kind of schedule: phases in turn
(alternation), batches of one task (episodes), steps within a step (inner loop), groups
that begin to learn later (unfreezing), and values that are computed once (cache). Each
instruction is a point three times: in its first execution, one in the middle, and its
last. --points takes so many of them, spread over the run. Runs go on at the newest
checkpoint, or begin again where there is none. Prints a line for each kind and, at the
end, one of JSON; exits with 1 when any bit differs.
"""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import job
import tiny_bert

# Pages, with the streams that are told apart by a column, and what else they take.
KINDS = {
    "alternation": ("wasserstein", {"source": "train", "target": "texts"}, (), ()),
    "episodes": ("anil", {"support": "train", "query": "train"},
                 ("support", "query"), ("--new-head",)),
    "inner": ("maml", {"support": "train", "query": "train"}, (), ("--new-head",)),
    "unfreezing": ("gradual", {"train": "train"}, (), ("--new-head",)),
    "cache": ("hidden", {"train": "train"}, (), ()),
}


class Runs:
    """The runs of one kind."""

    def __init__(self, name, work):
        page, streams, with_tasks, options = KINDS[name]
        self.work = work / name
        self.work.mkdir()
        self.command = ["graft", "train", f"page:{page}", "--model",
                        f"model={work / 'model'}", *options]
        if page == "hidden":
            self.command += ["--model", f"teacher={work / 'teacher'}"]
        for stream, table in streams.items():
            self.command += ["--data", f"{stream}={work / table}.tsv"]
        self.command += ["--data", f"dev={work / 'dev.tsv'}"]
        for stream in with_tasks:
            self.command += ["--task-column", f"{stream}=task"]
        self.command += ["--shuffle", "--batch-size", "8", "--checkpoint-every", "2",
                         "--evaluate-every", "3", "--max-steps", "8", "--threads",
                         "1", "--quiet"]

    def run(self, output, *options, **environment):
        """The exit code."""
        return subprocess.run(
            [str(word) for word in (*self.command, "--output", output, *options)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False,
            env={**os.environ, **environment}).returncode

    def points(self):
        """The instructions, and the numbers of the executions to die before."""
        trace = self.work / "trace"
        self.whole = self.work / "whole"
        if self.run(self.whole, GRAFT_TRACE_HOST=str(trace)) != 0:
            sys.exit(f"{' '.join(map(str, self.command))}: expects to end well")
        executions = {}
        for number, at in enumerate(map(int, trace.read_text().split()), start=1):
            executions.setdefault(at, []).append(number)
        numbers = {numbers[place] for numbers in executions.values()
                   for place in (0, len(numbers) // 2, -1)}
        return len(executions), sorted(numbers)

    def same(self, number):
        """Dies before one instruction and goes on; whether nothing differs."""
        output = self.work / str(number)
        code = self.run(output, GRAFT_KILL_AT=str(number))
        if code != -signal.SIGKILL:
            sys.exit(f"{output}: expects to be killed, got exit code {code}")
        begun = list(output.glob("checkpoint-*.safetensors"))
        code = self.run(output, "--resume" if begun else "--overwrite")
        same = code == 0 and all(
            (output / name).read_bytes() == (self.whole / name).read_bytes()
            for name in ("model.graft", "best.safetensors"))
        if same:
            shutil.rmtree(output)
        else:
            print(f"{output}: differs, exit code {code}", file=sys.stderr)
        return same


def write_world(work):
    """A model, a teacher of its labels, and tables with tasks."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    subprocess.run([sys.executable, tiny_bert.__file__, work, "--rows", "80"],
                   check=True)
    head, *lines = (work / "train.tsv").read_text().splitlines()
    (work / "dev.tsv").write_text("\n".join([head, *lines[60:]]) + "\n")
    (work / "texts.tsv").write_text(
        "\n".join(["text", *(line.split("\t")[1] for line in lines[:30])]) + "\n")
    job.run("graft", "finetune", "--model", work / "model", "--train",
            work / "train.tsv", "--new-head", "--output", work / "taught",
            "--max-steps", "4", "--quiet")
    job.run("graft", "export", work / "taught" / "model.graft", "--output",
            work / "teacher")
    (work / "train.tsv").write_text("\n".join(
        [f"task\t{head}", *(f"{'ab'[row % 2]}\t{line}"
                            for row, line in enumerate(lines[:48]))]) + "\n")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--points", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--record", type=pathlib.Path)
    options = parser.parse_args()
    write_world(options.work)
    record = {}
    for name in options.kinds:
        runs = Runs(name, options.work)
        instructions, points = runs.points()
        if options.points:
            points = [points[len(points) * i // options.points]
                      for i in range(options.points)]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            same = sum(pool.map(runs.same, points))
        record[name] = {"instructions": instructions, "kills": len(points),
                        "same_bits": same}
        print(f"{name}: {instructions} instructions, {len(points)} kills, "
              f"{same} with the same bits", flush=True)
    job.finish(all(told["kills"] == told["same_bits"] for told in record.values()),
               record, options.record)


if __name__ == "__main__":
    main()
