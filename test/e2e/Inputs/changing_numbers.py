# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares what changes in FILE, a metrics.jsonl of 4 epochs of 2 steps each, with
what it should be.

    changing_numbers.py FILE losses FACTOR PLAIN
        losses are those of PLAIN, of a run whose factor is 1, times FACTOR, as
        Python writes it; parameters never change in both
    changing_numbers.py FILE rates PEAK
        rates are PEAK / (1 + 10 progress)
"""

import json
import math
import sys


def read_steps(path):
    with open(path, encoding="utf-8") as lines:
        rows = [row for row in map(json.loads, lines) if "learning_rate" in row]
    assert len(rows) == 8, rows
    return rows


def main():
    for done, row in enumerate(read_steps(sys.argv[1])):
        known = {"step": done, "epoch": done // 2, "progress": done / 8}
        if sys.argv[2] == "rates":
            got = row["learning_rate"]
            want = float(sys.argv[3]) / (1 + 10 * known["progress"])
        else:
            plain = read_steps(sys.argv[4])[done]["loss"]
            got, want = row["loss"], plain * eval(sys.argv[3], {}, known)
        if not math.isclose(got, want, rel_tol=1e-6, abs_tol=1e-9):
            sys.exit(f"step {done}: expects {want}, got {got}")


if __name__ == "__main__":
    main()
