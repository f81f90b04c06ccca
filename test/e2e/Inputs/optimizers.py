# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Trains FOLDER's model by FOLDER/NAME.mlir for each NAME=RATE, on one batch.

    optimizers.py FOLDER NAME=RATE...

Ends with an error unless the loss falls, a run that is interrupted and resumed
makes the same artifact, with other threads, too, and the first losses of fp16 are
near those of fp32.
"""

import json
import pathlib
import subprocess
import sys


def train(folder, name, rate, output, *more):
    command = ["graft", "train", folder / f"{name}.mlir", "--model",
               f"net={folder / 'model'}", "--data",
               f"train={folder / 'one.tsv'}", "--set", f"peak={rate}",
               "--set", "fall=constant", "--set", "passes=40", "--dropout", "0",
               "--log-every", "1", "--output", output, "--quiet", *more]
    subprocess.run([str(word) for word in command], check=True)
    lines = (output / "metrics.jsonl").read_text().splitlines()
    return [row["loss"] for row in map(json.loads, lines) if "loss" in row]


def check(name, what, holds, *values):
    if not holds:
        sys.exit(f"{name}: expects {what}, got {values}")


def compare(folder, name, rate):
    whole = folder / name
    losses = train(folder, name, rate, whole)
    first, last = losses[0], sum(losses[-5:]) / 5
    check(name, "a loss that falls", last < first - 0.03, first, last)

    parts = folder / f"{name}-parts"
    train(folder, name, rate, parts, "--max-steps", "17", "--checkpoint-every",
          "5")
    (parts / "model.graft").unlink()
    train(folder, name, rate, parts, "--resume", "--threads", "1")
    same = (parts / "model.graft").read_bytes() == (
        whole / "model.graft").read_bytes()
    check(name, "the same bits after an interruption", same)

    low = train(folder, name, rate, folder / f"{name}-low", "--precision",
                "fp16")
    check(name, "first losses of fp16 within 0.02", all(
        abs(a - b) < 0.02 for a, b in zip(losses[:10], low[:10], strict=True)),
        losses, low)


def main():
    folder = pathlib.Path(sys.argv[1])
    for word in sys.argv[2:]:
        compare(folder, *word.split("="))


if __name__ == "__main__":
    main()
