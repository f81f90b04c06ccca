# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Checks predictions of sets of labels, and their metrics, from the rows themselves.

    check_sets.py TRUTH.jsonl PREDICTIONS.jsonl METRICS.json
"""

import json
import pathlib
import sys


def main():
    truth, said, metrics = (pathlib.Path(path).read_text().splitlines()
                            for path in sys.argv[1:])
    truth = [json.loads(line) for line in truth]
    said = [json.loads(line) for line in said]
    metrics = json.loads(metrics[0])
    right = true = predicted = exact = 0
    for row, answer in zip(truth, said, strict=True):
        assert row["text"] == answer["text"]
        labels = [label["label"] for label in answer["labels"]]
        assert labels == answer["predicted"], answer
        assert all(label["probability"] >= 0.5 for label in answer["labels"])
        own, found = set(row["label"]), set(labels)
        right += len(own & found)
        true += len(own)
        predicted += len(found)
        exact += own == found
    assert abs(metrics["micro_f1"] - 2 * right / (true + predicted)) < 1e-12
    assert abs(metrics["exact_match"] - exact / len(truth)) < 1e-12


if __name__ == "__main__":
    main()
