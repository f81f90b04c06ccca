#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Whether metrics.jsonl has the learning rates that a recipe predicts.

    rate_curve.py METRICS --rate R --schedule S --warmup W --steps N

N are all steps. The rate of the update behind `step` updates rises from 0 to R
during round(W N) steps, and then stays, or falls to 0 along a line or half a
cosine. Every step must have a record.
"""

import argparse
import json
import math


def predict(options, step):
    warmup = round(options.warmup * options.steps)
    if step < warmup:
        return options.rate * step / warmup
    if options.schedule == "constant":
        return options.rate
    left = (options.steps - step) / max(1, options.steps - warmup)
    if options.schedule == "linear":
        return options.rate * left
    return options.rate * (1 + math.cos(math.pi * (1 - left))) / 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("metrics")
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--schedule", required=True)
    parser.add_argument("--warmup", type=float, required=True)
    parser.add_argument("--steps", type=int, required=True)
    options = parser.parse_args()
    with open(options.metrics, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    rows = [row for row in rows if "learning_rate" in row]
    if [row["step"] for row in rows] != list(range(1, options.steps + 1)):
        raise SystemExit(f"expects steps 1 to {options.steps}, got "
                         f"{[row['step'] for row in rows]}")
    for row in rows:
        expected = predict(options, row["step"] - 1)
        # The file has nine digits.
        if not math.isclose(row["learning_rate"], expected, rel_tol=1e-8,
                            abs_tol=1e-15):
            raise SystemExit(f"step {row['step']}: expects the rate "
                             f"{expected:g}, got {row['learning_rate']:g}")
    print(f"{len(rows)} rates as predicted")


if __name__ == "__main__":
    main()
