#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Checks a metrics.jsonl of one batch, seen again and again with a scaled loss.

    check_loss_scale.py METRICS SCALE

Steps are left out from the first on; each halves SCALE and leaves the loss as it
was. Later ones are not, and the loss falls.
"""

import json
import sys


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    scale = float(sys.argv[2])
    losses = [row["loss"] for row in rows]
    skipped = [row["skipped_steps"] for row in rows]
    if skipped[0] != 1 or not 0 < skipped[-1] < len(rows) - 10:
        sys.exit(f"expects some steps to be left out, the first of them, got "
                 f"{skipped}")
    for row in rows:
        if row["loss_scale"] != scale / 2 ** row["skipped_steps"]:
            sys.exit(f"expects {scale} halved for each skipped step, got {row}")
    for step in range(1, len(rows)):
        if skipped[step - 1] == step and losses[step] != losses[0]:
            sys.exit(f"expects the loss {losses[0]} until a step is made, got "
                     f"{losses[step]} in step {step + 1}")
    if losses[-1] > 0.9 * losses[0]:
        sys.exit(f"expects the loss to fall, got {losses}")
    print(f"{skipped[-1]} of {len(rows)} steps left out, loss {losses[0]} to "
          f"{losses[-1]}")


if __name__ == "__main__":
    main()
