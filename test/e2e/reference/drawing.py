# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""As pages.py, for the page sampled and for one that takes its streams in a fixed
order: each step has a batch of one task.

    drawing.py sampled|taken FOLDER START GOT [SETTING...]

The streams of the steps are computed here as docs/formats/randomness.md says. FOLDER
also has few.tsv, of the second task. Optimisers of PyTorch leave a parameter without a
gradient as it is, and count the updates of each.
"""

import pathlib
import sys

import torch
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import pages

WORD, LONG = (1 << 32) - 1, (1 << 64) - 1


def mix(x):
    """SplitMix64."""
    x = (x + 0x9E3779B97F4A7C15) & LONG
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & LONG
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & LONG
    return x ^ (x >> 31)


def philox(a, b, c, d, key):
    """Philox4x32-10."""
    low, high = key & WORD, key >> 32
    for _ in range(10):
        first, second = 0xD2511F53 * a, 0xCD9E8D57 * c
        a, b, c, d = ((second >> 32) ^ b ^ low, second & WORD,
                      (first >> 32) ^ d ^ high, first & WORD)
        low, high = (low + 0x9E3779B9) & WORD, (high + 0xBB67AE85) & WORD
    return a, b


def random(seed, number):
    key = mix(seed ^ mix(0xFFFF << 48))
    low, high = philox(number & WORD, number >> 32, 0, 0, key)
    return (((high << 32) | low) >> 11) / 2**53


def train(at, choose):
    """`choose` gives the task of a step."""
    tables = at.table("train"), at.table("few", pages.THINGS)
    model, begun = at.model()
    names = "first", "second"
    heads = [pages.take(begun, [f"{name}_head.weight", f"{name}_head.bias"])
             for name in names]
    top = [*heads[0], *heads[1]]
    learned = [*model.bert.parameters(), *top]
    optimiser = pages.adamw(sped=top, speed=10.0)(learned)
    total = 3 * sum(pages.steps(table) for table in tables)
    counts = [0, 0]
    for done in range(total):
        task = choose(done, total, [len(table.rows) for table in tables])
        counts[task] += 1
        ids, answers = tables[task].batch()
        loss = functional.cross_entropy(
            functional.linear(pages.pooled(model, ids), *heads[task]), answers)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        for group in optimiser.param_groups:
            group["lr"] = pages.linear(done, total)
        optimiser.step()
        yield names[task], done + 1, loss.item()
    # Both streams went round.
    assert all(count > pages.steps(table)
               for count, table in zip(counts, tables)), counts


def sampled(at, settings):
    seed, first, annealing = (int(settings["seed"]), float(settings["power"]),
                              float(settings["annealing"]))

    def choose(done, total, rows):
        power = first * (1 - annealing * done / total)
        shares = [count**power for count in rows]
        return int(shares[0] <= random(seed, done) * sum(shares))

    yield from train(at, choose)


def taken(at, settings):
    ahead = int(settings["first"])
    yield from train(at, lambda done, total, rows:
                     int(done % (ahead + 1) >= ahead))


if __name__ == "__main__":
    pages.main(globals())
