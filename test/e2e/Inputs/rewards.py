# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Checks metrics.jsonl of runs with rewards.

    rewards.py same FILE            rewards are what evaluations of the same data say
    rewards.py losses FILE FILE...  all losses of the training are the same
    rewards.py bandit FILE          of 200 updates, the last selections are right
"""

import json
import sys


def rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def values(path, *names):
    return {name: [row[name] for row in rows(path) if name in row]
            for name in names}


def same(path):
    found = values(path, "reward_now", "dev_loss", "dev_score")
    rewards = found["reward_now"]
    told = ([-x for x in found["dev_loss"]], found["dev_score"])
    if len(rewards) != 3 or rewards not in told:
        sys.exit(f"expects the rewards {told[0]} or {told[1]}, got {rewards}")


def losses(*paths):
    first, *others = ([{name: value for name, value in row.items()
                        if name.endswith("loss") or name.startswith("reward_")}
                       for row in rows(path) if "dev_loss" not in row]
                      for path in paths)
    if not any(first) or any(other != first for other in others):
        sys.exit(f"expects the losses {first}, got {others}")


def bandit(path):
    """What selected texts are worth, per text of a batch: at first a half of all are
    selected, at last those that are worth it alone."""
    found = values(path, "step", "wins_loss")
    steps = max(found["step"])
    wins = [-x for x in found["wins_loss"]]
    if steps != 200 or len(wins) != steps:
        sys.exit(f"expects 200 steps, got {steps} and {len(wins)} losses")
    best = 87 / 120  # of the table
    first, last = sum(wins[:8]) / 8, sum(wins[-8:]) / 8
    print(f"worth {first:.3f} at first, {last:.3f} at last of {best:.3f}")
    if not (first < 0.5 * best and last > 0.95 * best):
        sys.exit("expects to select what is worth it")


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
