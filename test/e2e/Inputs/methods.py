# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Methods of fine-tuning on one data set, beside plain fine-tuning.

    methods.py --model DIRECTORY --data trec/ --work DIRECTORY [--seeds 3]
        [--methods finetune lora ...] [--per-class N] [--record FILE]

Trains on train.tsv of --data and tests on dev.tsv. With --per-class the tables have so
many rows of each class, others for each seed. A run whose result is in --work is not
made again. The intervals are of the paired difference to the first method, over seeds
and test rows (bootstrap).
"""

import argparse
import collections
import json
import pathlib
import random
import statistics
import subprocess
import sys
import time

import adaptation

METHODS = ("finetune", "head_first", "gradual", "averaged", "l2_sp", "bit_fit",
           "focal", "r_drop", "lora", "dora", "adapter")
# What is not set is the default of the page.
COMMON = ["--precision", "bf16", "--shuffle", "--quiet", "--overwrite"]
SETTINGS = {"finetune": ["rate=5e-5", "epochs=3", "warmup=0.1", "clip=1"],
            "bit_fit": ["epochs=3"]}
# With few rows.
FEW = ("finetune", "setfit", "prototypes")
FEW_SETTINGS = {"finetune": ["rate=5e-5", "epochs=40", "warmup=0.1", "clip=1"],
                "prototypes": ["epochs=20"]}
# Pages whose head is their own.
HEADED = ("setfit", "prototypes")


def run(*arguments):
    return subprocess.run(["graft", *map(str, arguments)], check=True,
                          stdout=subprocess.PIPE, text=True).stdout


def rows(path):
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    column = head.split("\t").index("label")
    return head, [(line.split("\t")[column], line) for line in lines]


def table(seed, options):
    """What to train on."""
    path = options.data / "train.tsv"
    if not options.per_class:
        return path
    head, lines = rows(path)
    random.Random(seed).shuffle(lines)
    chosen, counts = [head], collections.Counter()
    for label, line in lines:
        if counts[label] < options.per_class:
            counts[label] += 1
            chosen.append(line)
    few = options.work / f"train-{seed}.tsv"
    few.write_text("\n".join(chosen) + "\n", encoding="utf-8")
    return few


def train(method, seed, output, options):
    settings = FEW_SETTINGS if options.per_class else SETTINGS
    shared = [word for setting in settings.get(method, [])
              for word in ("--set", setting)]
    shared += [*COMMON, "--seed", seed, "--output", output]
    if method not in HEADED:
        shared.append("--new-head")
    data = table(seed, options)
    if method == "prototypes":
        run("train", "page:prototypes", "--model", f"model={options.model}",
            "--data", f"train={data}", "--data", f"support={data}", *shared)
    else:
        run("finetune", "--method", method, "--model", options.model, "--train",
            data, *shared)


def result(method, seed, options):
    kept = options.work / f"{method}-{seed}.json"
    if not kept.exists():
        output = options.work / f"{method}-{seed}"
        start = time.monotonic()
        train(method, seed, output, options)
        seconds = time.monotonic() - start
        test = options.data / "dev.tsv"
        lines = run("predict", output / "model.graft", "--data", test, "--top",
                    "1", "--json").splitlines()
        plan = json.loads(run("plan", output / "program.graft", "--json"))
        kept.write_text(json.dumps({
            "labels": [json.loads(line)["labels"][0]["label"] for line in lines],
            "trained": plan["trainable"],
            "bytes": plan["bytes"], "seconds": seconds}))
    return json.loads(kept.read_text())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    for name in ("model", "data", "work"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+")
    parser.add_argument("--per-class", type=int, default=0)
    parser.add_argument("--record", type=pathlib.Path)
    options = parser.parse_args()
    if not options.methods:
        options.methods = FEW if options.per_class else METHODS
    options.work.mkdir(parents=True, exist_ok=True)
    answers = [label for label, _ in rows(options.data / "dev.tsv")[1]]
    right, numbers = {}, {}
    for method in options.methods:
        runs = [result(method, seed, options) for seed in range(options.seeds)]
        right[method] = [[a == b for a, b in
                          zip(one["labels"], answers, strict=True)]
                         for one in runs]
        accuracies = [100 * statistics.fmean(row) for row in right[method]]
        numbers[method] = {
            "accuracies": accuracies, "mean": statistics.fmean(accuracies),
            "trained": runs[0]["trained"], "bytes": runs[0]["bytes"],
            "seconds": statistics.fmean(one["seconds"] for one in runs)}
        if method != options.methods[0]:
            numbers[method]["difference"] = list(adaptation.interval(
                right[method], right[options.methods[0]]))
        print(method, json.dumps(numbers[method]), file=sys.stderr)
    if options.record:
        options.record.write_text(json.dumps(
            {"passed": True, "data": options.data.name, "per_class": options.per_class,
             "settings": FEW_SETTINGS if options.per_class else SETTINGS,
             "test_rows": len(answers), "methods": numbers}))


if __name__ == "__main__":
    main()
