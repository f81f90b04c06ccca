# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Several methods on real data, with several seeds, beside a baseline.

A trial says how each method is trained; this asks the trained models for the labels
of the test rows. A run whose result is in --work is not made again. Intervals are 95
% of the paired difference to the baseline in points, over seeds and test rows that
are drawn anew (bootstrap).
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

# What all trials have in common; each pair of ours and the baseline's has one seed.
# A thread for each run: as many runs as processors go on at once.
COMMON = ("--precision", "bf16", "--threads", "1", "--shuffle", "--quiet",
          "--overwrite")
ROUNDS = 2000


def graft(*arguments):
    return subprocess.run(["graft", *map(str, arguments)], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def settings(*pairs):
    """`--set` for each NAME=VALUE."""
    return [word for pair in pairs for word in ("--set", pair)]


class Table:
    """Rows of a table of tabs; `columns` are those that are written."""

    def __init__(self, rows, columns=("label", "text")):
        self.rows, self.columns = list(rows), columns

    @classmethod
    def read(cls, path):
        head, *lines = path.read_text(encoding="utf-8").splitlines()
        names = head.split("\t")
        return cls(dict(zip(names, line.split("\t"), strict=True))
                   for line in lines)

    def select(self, **values):
        return Table(row for row in self.rows
                     if all(row[name] == value for name, value in values.items()))

    def shuffled(self, seed):
        rows = list(self.rows)
        random.Random(seed).shuffle(rows)
        return Table(rows)

    def per_class(self, count):
        """The first rows of each class, and all others."""
        counts, chosen, others = collections.Counter(), [], []
        for row in self.rows:
            counts[row["label"]] += 1
            (chosen if counts[row["label"]] <= count else others).append(row)
        return Table(chosen), Table(others)

    def __getitem__(self, part):
        return Table(self.rows[part])

    def __add__(self, other):
        return Table(self.rows + other.rows)

    def __len__(self):
        return len(self.rows)

    def write(self, path, labels=True):
        columns = [name for name in self.columns if labels or name != "label"]
        lines = ["\t".join(columns)]
        lines += ["\t".join(row[name] for name in columns) for row in self.rows]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path


def interval(ours, baseline, seed=7):
    """Rows of a seed are 1 where the label is right, else 0."""
    rng = random.Random(seed)
    seeds, rows = len(ours), len(ours[0])
    differences = [[100 * (a - b) for a, b in zip(mine, theirs, strict=True)]
                   for mine, theirs in zip(ours, baseline, strict=True)]
    means = []
    for _ in range(ROUNDS):
        drawn = rng.choices(range(rows), k=rows)
        chosen = rng.choices(range(seeds), k=seeds)
        means.append(statistics.fmean(
            statistics.fmean(differences[s][row] for row in drawn)
            for s in chosen))
    means.sort()
    return [means[int(0.025 * ROUNDS)], means[int(0.975 * ROUNDS) - 1]]


class Trial:
    """The command line of a trial, and its runs."""

    def __init__(self, description, *choices):
        """`choices` are options of the trial's own: (name, default)."""
        parser = argparse.ArgumentParser(
            description=description,
            formatter_class=argparse.RawTextHelpFormatter)
        for name in ("model", "data", "work"):
            parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
        parser.add_argument("--seeds", type=int, default=3)
        parser.add_argument("--methods", nargs="+")
        parser.add_argument("--least", type=float,
                            help="%% of rows of each test that each method must "
                                 "have right, in place of the trial's own bound")
        parser.add_argument("--record", type=pathlib.Path)
        for name, default in choices:
            parser.add_argument(f"--{name}", type=type(default), default=default)
        self.options = parser.parse_args()
        self.choices = [name.replace("-", "_") for name, _ in choices]
        self.options.work.mkdir(parents=True, exist_ok=True)

    def _result(self, method, seed, train, tests):
        kept = self.options.work / f"{method}-{seed}.json"
        if kept.exists():
            return json.loads(kept.read_text())
        print(f"{method}, seed {seed}", file=sys.stderr, flush=True)
        folder = self.options.work / f"{method}-{seed}"
        folder.mkdir(exist_ok=True)
        start = time.monotonic()
        models = train(method, seed, folder)
        result = {"seconds": time.monotonic() - start, "labels": {}}
        for name, path in tests.items():
            model, *flags = models[name]
            lines = graft("predict", model, *flags, "--data", path, "--top", "1",
                          "--threads", "1", "--json").splitlines()
            result["labels"][name] = [json.loads(line)["labels"][0]["label"]
                                      for line in lines]
        program = pathlib.Path(models[next(iter(tests))][0])
        plan = json.loads(graft("plan", program.with_name("program.graft"),
                                "--json"))
        result |= {"trained": plan["trainable"], "bytes": plan["bytes"]["total"]}
        kept.write_text(json.dumps(result))
        return result

    def run(self, methods, train, tests, least, baselines=None, facts=None):
        """Makes all runs and writes the record.

        `train(method, seed, folder)` gives for each of `tests`, paths of tables
        by name, the program to ask and its flags; runs begin in the order of methods,
        but several go on at once. A method is compared with the
        one that `baselines` names, or else with the first. Each must be right in
        `least` % of the rows of each test.
        """
        options = self.options
        methods = options.methods or methods
        least = least if options.least is None else options.least
        answers = {name: [row["label"] for row in Table.read(path).rows]
                   for name, path in tests.items()}
        right, numbers = {}, {}
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            made = {method: [pool.submit(self._result, method, seed, train, tests)
                             for seed in range(options.seeds)]
                    for method in methods}
            try:
                made = {method: [run.result() for run in runs]
                        for method, runs in made.items()}
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        for method, runs in made.items():
            baseline = (baselines or {}).get(method, methods[0])
            numbers[method] = {
                "trained": runs[0]["trained"], "bytes": runs[0]["bytes"],
                "seconds": statistics.fmean(run["seconds"] for run in runs),
                "tests": {}}
            for name, truth in answers.items():
                rows = right[method, name] = [
                    [a == b for a, b in zip(run["labels"][name], truth,
                                            strict=True)] for run in runs]
                accuracies = [100 * statistics.fmean(row) for row in rows]
                told = {"accuracies": accuracies,
                        "mean": statistics.fmean(accuracies)}
                if baseline != method and (baseline, name) in right:
                    told |= {"baseline": baseline, "difference": interval(
                        rows, right[baseline, name])}
                numbers[method]["tests"][name] = told
            print(method, json.dumps(numbers[method]), file=sys.stderr)
        failed = [method for method, told in numbers.items()
                  if min(test["mean"] for test in told["tests"].values()) < least]
        for method in failed:
            print(f"{method}: expects at least {least} %", file=sys.stderr)
        if options.record:
            options.record.write_text(json.dumps({
                "passed": not failed, "least": least, "seeds": options.seeds,
                **{name: getattr(options, name) for name in self.choices},
                "test_rows": {name: len(rows) for name, rows in answers.items()},
                **(facts or {}), "methods": numbers}))
        sys.exit(bool(failed))
