#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares the last development score of a run with an evaluation.

    same_score.py METRICS.jsonl < output of `graft evaluate --json`

Prints the score; fails unless both are the same to the last row.
"""

import json
import sys

records = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
trained = [r["dev_score"] for r in records if "dev_score" in r][-1]
evaluated = json.load(sys.stdin)
if abs(trained - evaluated["accuracy"]) * evaluated["examples"] > 0.01:
    sys.exit(f"in training {trained}, evaluated {evaluated}")
print(f"score {trained:.4f}, {evaluated.get('truncated')} truncated")
