#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares the last development score of a run with evaluations.

    dev_score.py METRICS LOWEST EVALUATION...

METRICS is a metrics.jsonl, each EVALUATION what `graft evaluate --json`
printed. Exits with 1 unless all accuracies are equal and at least LOWEST.
"""

import json
import sys

rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
score = [row["dev_score"] for row in rows if "dev_score" in row][-1]
found = [json.load(open(path, encoding="utf-8"))["accuracy"]
         for path in sys.argv[3:]]
print(f"in training {score}, later {found}")
sys.exit(score < float(sys.argv[2]) or
         any(abs(other - score) > 1e-6 for other in found))
