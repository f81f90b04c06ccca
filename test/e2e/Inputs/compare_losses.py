#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Fails unless two metrics.jsonl have the same steps and relative losses."""

import json
import sys


def losses(path):
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return {row["step"]: row["loss"] for row in rows if "loss" in row}


def main():
    first, second = losses(sys.argv[1]), losses(sys.argv[2])
    tolerance = float(sys.argv[3])
    if not first or first.keys() != second.keys():
        sys.exit(f"expects the same steps, got {sorted(first)} and "
                 f"{sorted(second)}")
    worst = max(abs(first[s] - second[s]) / abs(first[s]) for s in first)
    print(f"largest relative difference {worst:.3g}")
    if worst > tolerance:
        sys.exit(f"expects at most {tolerance}")


if __name__ == "__main__":
    main()
