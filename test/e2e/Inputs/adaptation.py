# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Domain adaptation on reviews of two kinds of goods.

    adaptation.py --model DIRECTORY --data amazon4/ --work DIRECTORY
        [--source books] [--target kitchen] [--seeds 3] [--record FILE]

Trains with the labels of one domain and half of the texts of another, without
their labels, and tests on all other rows of the second domain. The baseline uses
the first domain alone; "target" uses the labels of those texts, which nobody has
in practice. A run whose result is in --work is not made again. The intervals are
of the paired difference to the baseline, over seeds and test rows (bootstrap).
"""

import argparse
import csv
import json
import pathlib
import random
import statistics
import subprocess
import sys
import time

METHODS = ("source", "dann", "mmd", "coral", "target")
COMMON = ["--text-column", "text", "--label-column", "label", "--max-length",
          "96", "--precision", "bf16", "--quiet", "--overwrite"]
RECIPE = {"rate": "5e-5", "epochs": "3", "warmup": "0.1", "clip": "1"}
ROUNDS = 2000


def read(path, domain):
    with open(path, newline="", encoding="utf-8") as file:
        return [row for row in csv.DictReader(file, delimiter="\t",
                                              quoting=csv.QUOTE_NONE)
                if row["domain"] == domain]


def write(path, rows, labels=True):
    columns = ["label", "text"] if labels else ["text"]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\t".join(columns) + "\n")
        for row in rows:
            file.write("\t".join(row[name] for name in columns) + "\n")


def make_tables(options):
    """The second domain in two halves: texts to adapt to, and rows to test."""
    data, work = options.data, options.work
    theirs = read(data / "train.tsv", options.target)
    random.Random(1).shuffle(theirs)
    half = len(theirs) // 2
    write(work / "source.tsv", read(data / "train.tsv", options.source))
    write(work / "texts.tsv", theirs[:half], labels=False)
    write(work / "labelled.tsv", theirs[:half])
    test = theirs[half:] + read(data / "dev.tsv", options.target)
    write(work / "test.tsv", test)
    return [row["label"] for row in test]


def graft(*arguments):
    subprocess.run(["graft", *map(str, arguments)], check=True)


def train(method, seed, options):
    work, output = options.work, options.work / f"{method}-{seed}"
    settings = [word for name, value in RECIPE.items()
                for word in ("--set", f"{name}={value}")]
    shared = [*COMMON, *settings, "--seed", seed, "--shuffle", "--output", output]
    if method in ("source", "target"):
        table = work / ("source.tsv" if method == "source" else "labelled.tsv")
        graft("finetune", "--model", options.model, "--train", table, *shared)
    else:
        graft("adapt", "--method", method, "--model", options.model, "--source",
              work / "source.tsv", "--target", work / "texts.tsv", *shared)
    return output / "model.graft"


def predictions(method, seed, options):
    """The label of each test row; made once."""
    kept = options.work / f"{method}-{seed}.json"
    if not kept.exists():
        start = time.monotonic()
        model = train(method, seed, options)
        seconds = time.monotonic() - start
        written = options.work / f"{method}-{seed}.jsonl"
        graft("predict", model, "--data", options.work / "test.tsv", "--output",
              written, "--top", "1")
        rows = map(json.loads, written.read_text().splitlines())
        kept.write_text(json.dumps(
            {"labels": [row["labels"][0]["label"] for row in rows],
             "seconds": seconds}))
    return json.loads(kept.read_text())


def interval(right, baseline, seed=7):
    """95 % of the difference in points, over seeds and rows drawn anew."""
    rng = random.Random(seed)
    seeds, rows = len(right), len(right[0])
    differences = [[100 * (a - b) for a, b in zip(ours, theirs)]
                   for ours, theirs in zip(right, baseline)]
    means = []
    for _ in range(ROUNDS):
        drawn = rng.choices(range(rows), k=rows)
        chosen = rng.choices(range(seeds), k=seeds)
        means.append(statistics.fmean(
            statistics.fmean(differences[s][row] for row in drawn)
            for s in chosen))
    means.sort()
    return means[int(0.025 * ROUNDS)], means[int(0.975 * ROUNDS) - 1]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    for name in ("model", "data", "work"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--source", default="books")
    parser.add_argument("--target", default="kitchen")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=METHODS)
    parser.add_argument("--record", type=pathlib.Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    truth = make_tables(options)
    right, numbers = {}, {}
    for method in options.methods:
        runs = [predictions(method, seed, options)
                for seed in range(options.seeds)]
        right[method] = [[a == b for a, b in zip(run["labels"], truth)]
                         for run in runs]
        accuracies = [100 * statistics.fmean(row) for row in right[method]]
        numbers[method] = {"accuracies": accuracies,
                           "mean": statistics.fmean(accuracies),
                           "seconds": statistics.fmean(r["seconds"] for r in runs)}
        if method != options.methods[0]:
            low, high = interval(right[method], right[options.methods[0]])
            numbers[method]["difference"] = [low, high]
        print(method, json.dumps(numbers[method]), file=sys.stderr)
    if options.record:
        options.record.write_text(json.dumps(
            {"passed": True, "source": options.source, "target": options.target,
             "test_rows": len(truth), "recipe": RECIPE, "methods": numbers}))


if __name__ == "__main__":
    main()
