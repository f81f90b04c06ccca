#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Checks that the best step of a run is that of the best mean score of the
heads @first and @second.

    check_heads.py SUMMARY.json metrics.jsonl
"""

import json
import sys

summary = json.load(open(sys.argv[1]))
scores = {}
for line in open(sys.argv[2]):
    record = json.loads(line)
    for name in ("first", "second"):
        if f"dev_{name}_score" in record:
            assert record[f"dev_{name}_loss"] > 0, record
            scores.setdefault(record["step"], []).append(
                record[f"dev_{name}_score"])
assert len(scores) == 4 and all(len(pair) == 2 for pair in scores.values())
means = {step: sum(pair) / 2 for step, pair in scores.items()}
best = max(means.values())
assert abs(summary["best_score"] - best) < 1e-6, (summary, means)
assert abs(means[summary["best_step"]] - best) < 1e-6, (summary, means)
