# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Checks that the best evaluation of a run was the one of the least mean entropy, and
that the model that was kept has that entropy.

    entropy.py PREDICTIONS METRICS
"""

import json
import math
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def main():
    predictions, metrics = map(read, sys.argv[1:])
    entropies = [-sum(p * math.log(p) for p in
                      (label["probability"] for label in row["labels"]) if p > 0)
                 for row in predictions]
    mean = sum(entropies) / len(entropies)
    evaluations = [row for row in metrics if "dev_loss" in row]
    losses = [row["dev_loss"] for row in evaluations]
    assert len(set(losses)) > 1, losses
    assert all(row["dev_score"] == -row["dev_loss"] for row in evaluations)
    if not abs(mean - min(losses)) < 1e-5:
        sys.exit(f"expects an entropy of {min(losses)}, got {mean}")


if __name__ == "__main__":
    main()
