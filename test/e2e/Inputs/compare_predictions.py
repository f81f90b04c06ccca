#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Whether two files of predictions have the same texts and probabilities.

    compare_predictions.py A.jsonl B.jsonl TOLERANCE
"""

import json
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [(row["text"], {entry["label"]: entry["probability"]
                           for entry in row["labels"]}) for row in rows]


def main():
    first, second, tolerance = sys.argv[1], sys.argv[2], float(sys.argv[3])
    ours, theirs = read(first), read(second)
    if not ours or len(ours) != len(theirs):
        sys.exit(f"expects equally many predictions, got {len(ours)} and "
                 f"{len(theirs)}")
    worst = 0.0
    for (text, mine), (other, yours) in zip(ours, theirs):
        if text != other or mine.keys() != yours.keys():
            sys.exit(f"expects the same text and labels, got {text!r} with "
                     f"{sorted(mine)} and {other!r} with {sorted(yours)}")
        worst = max([worst] + [abs(mine[x] - yours[x]) for x in mine])
    print(f"{len(ours)} predictions, largest difference {worst:.3g}")
    if not worst <= tolerance:
        sys.exit(f"expects a difference of at most {tolerance:g}, got "
                 f"{worst:g}")


if __name__ == "__main__":
    main()
