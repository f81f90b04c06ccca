# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Checks that the steps of a run took its streams in a fixed order.

    streams_taken.py METRICS STREAM...

METRICS is metrics.jsonl with a record of each step. The list of streams begins again.
Prints how many steps there are, and how many of them loss scaling has skipped.
"""

import itertools
import json
import sys


def main():
    path, *streams = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    steps = [row for row in rows if "loss" in row]
    taken = [key.removesuffix("_loss") for row in rows for key in row
             if key.endswith("_loss")]
    wanted = list(itertools.islice(itertools.cycle(streams), len(steps)))
    if taken != wanted:
        sys.exit(f"expects the streams {wanted}, got {taken}")
    print(f"{len(steps)} steps, {steps[-1]['skipped_steps']} skipped")


if __name__ == "__main__":
    main()
