# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Trains as models/strategies/wasserstein.mlir says, without dropout, in PyTorch and
Transformers, and compares the losses of the critic and of the model with Graft's.

    wasserstein.py FOLDER START GOT

as phases.py. Gradients of the critic's scores come from torch.autograd with
create_graph, and are differentiated again.
"""

import math
import pathlib
import sys

import torch
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import phases

PASSES, TURNS, SLOPE, SHARE, RATE, CRITIC_RATE = 3, 5, 10.0, 0.1, 1e-3, 1e-3
# Losses of the critic begin near 10, and lose digits as it learns.
TOLERANCE = 2e-4


def train(folder, start):
    words = phases.vocabulary(folder)
    source = phases.Texts(folder / "train.tsv", words)
    target = phases.Texts(folder / "target.tsv", words)
    model, begun = phases.build(folder, start, "model")
    hidden, bias, output = (
        begun[f"critic.{name}"].clone().requires_grad_()
        for name in ("hidden.weight", "hidden.bias", "output.weight"))

    def pooled(ids):
        return model.bert(input_ids=ids,
                          attention_mask=(ids != 0).int()).pooler_output

    def judge(x):
        scores = (torch.tanh(functional.linear(x, hidden, bias))
                  @ output.T).squeeze(1)
        (slope,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
        length = (slope.square().sum(1) + 1e-12).sqrt()
        return scores.mean(), (length - 1).square().mean()

    critic = phases.Phase([hidden, bias, output], phases.adamw)
    learn = phases.Phase(model.parameters(), lambda parameters: torch.optim.AdamW(
        parameters, weight_decay=0.01), phases.CLIP)
    steps = PASSES * math.ceil(len(source.rows) / phases.BATCH)
    warmup = round(0.1 * steps)
    for done in range(steps):
        (ours, answers), (theirs, _) = source.batch(), target.batch()
        for _ in range(TURNS):
            mean_s, excess_s = judge(pooled(ours))
            mean_t, excess_t = judge(pooled(theirs))
            told = critic.turn(mean_t - mean_s + SLOPE / 2 *
                               (excess_s + excess_t), CRITIC_RATE)
        yield "tell", done + 1, told
        f = pooled(ours)
        label = functional.cross_entropy(model.classifier(f), answers)
        rate = (RATE * done / warmup if done < warmup else
                RATE * (steps - done) / (steps - warmup))
        yield "learn", done + 1, learn.turn(
            label + SHARE * (judge(f)[0] - judge(pooled(theirs))[0]), rate)


def main():
    folder, start, got = map(pathlib.Path, sys.argv[1:])
    phases.compare(train(folder, start), got, ("tell", "learn"), TOLERANCE)


if __name__ == "__main__":
    main()
