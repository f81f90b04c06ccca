#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares an evaluation with one made of the predictions of the same rows.

    check_metrics.py TABLE.jsonl PREDICTIONS.jsonl EVALUATION.json

TABLE has the rows' labels, PREDICTIONS what `graft predict --top 9` wrote of
them, EVALUATION what `graft evaluate --json` printed. Every metric is computed
here again, from its definition. Prints the metrics that agree.
"""

import json
import math
import sys


def read_rows(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]


def scores_of(pairs, label):
    right = sum(t == p == label for t, p in pairs)
    predicted = sum(p == label for _, p in pairs)
    truth = sum(t == label for t, _ in pairs)
    return {"label": label, "precision": right / predicted if predicted else 0,
            "recall": right / truth if truth else 0,
            "f1": 2 * right / (truth + predicted) if truth + predicted else 0,
            "rows": truth}


def correlation(x, y):
    """Pearson's; None where one is constant."""
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    spread = (sum((a - mean_x) ** 2 for a in x) *
              sum((b - mean_y) ** 2 for b in y))
    if spread == 0:
        return None
    return sum((a - mean_x) * (b - mean_y)
               for a, b in zip(x, y)) / math.sqrt(spread)


def matthews(pairs, labels):
    """As the correlation of one-hot vectors."""
    def covariance(i, j):
        return sum(len(pairs) * sum(p[i] == p[j] == c for p in pairs) -
                   sum(p[i] == c for p in pairs) * sum(p[j] == c for p in pairs)
                   for c in labels)
    spread = covariance(0, 0) * covariance(1, 1)
    return covariance(0, 1) / math.sqrt(spread) if spread else 0


def area(scores, positive):
    """By all pairs; None where one of both is missing."""
    high = [s for s, yes in zip(scores, positive) if yes]
    low = [s for s, yes in zip(scores, positive) if not yes]
    if not high or not low:
        return None
    return sum((a > b) + (a == b) / 2 for a in high
               for b in low) / (len(high) * len(low))


def class_metrics(truth, predictions):
    probabilities = [{c["label"]: c["probability"] for c in row["labels"]}
                     for row in predictions]
    pairs = [(t, row["labels"][0]["label"]) for t, row in zip(truth, predictions)]
    labels = sorted(probabilities[0])
    classes = [scores_of(pairs, label) for label in labels]
    found = {"classes": classes, "mcc": matthews(pairs, labels)}
    right = sum(t == p for t, p in pairs) / len(pairs)
    found["accuracy"] = right
    seen = [c for c in classes if c["label"] in {x for pair in pairs for x in pair}]
    for score in "precision", "recall", "f1":
        found[f"micro_{score}"] = right
        found[f"macro_{score}"] = sum(c[score] for c in seen) / len(seen)
        found[f"weighted_{score}"] = (
            sum(c[score] * c["rows"] for c in classes) / len(pairs))
    areas = [area([p[label] for p in probabilities], [t == label for t in truth])
             for label in (labels if len(labels) > 2 else labels[1:])]
    found["auc"] = None if None in areas else sum(areas) / len(areas)
    found["log_loss"] = -sum(math.log(p[t]) for p, t in
                             zip(probabilities, truth)) / len(pairs)
    return found


def ranks(values):
    return [sum(b < a for b in values) + (sum(b == a for b in values) + 1) / 2
            for a in values]


def number_metrics(truth, predictions):
    scores = [row["score"] for row in predictions]
    truth = [float(t) for t in truth]
    return {"pearson": correlation(truth, scores),
            "spearman": correlation(ranks(truth), ranks(scores)),
            "mse": sum((a - b) ** 2 for a, b in zip(truth, scores)) / len(truth)}


def differs(expected, found):
    if isinstance(expected, list):
        return len(expected) != len(found) or any(
            differs(a, b) for a, b in zip(expected, found))
    if isinstance(expected, dict):
        return (set(expected) != set(found) or
                any(differs(expected[key], found[key]) for key in expected))
    if isinstance(expected, (int, float)):
        return found is None or abs(expected - found) > 1e-5 * max(1, expected)
    return expected != found


def main():
    truth = [row["label"] for row in read_rows(sys.argv[1])]
    predictions = read_rows(sys.argv[2])
    evaluation = json.load(open(sys.argv[3], encoding="utf-8"))
    make = class_metrics if "labels" in predictions[0] else number_metrics
    expected = make(truth, predictions)
    expected.update(examples=len(truth), truncated=0)
    assert set(expected) == set(evaluation), sorted(evaluation)
    for name in sorted(expected):
        if differs(expected[name], evaluation[name]):
            sys.exit(f"{name}: expects {expected[name]}, got {evaluation[name]}")
        print(name, "undefined" if expected[name] is None else "agrees")


if __name__ == "__main__":
    main()
