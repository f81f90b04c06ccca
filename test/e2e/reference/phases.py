# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Trains as three_phases.mlir says, without dropout, in PyTorch and Transformers,
and compares each loss of each phase with Graft's.

    phases.py FOLDER START GOT

FOLDER has the model and the tables of tiny_bert.py, and target.tsv. START is a
checkpoint of Graft before anything is learnt, GOT metrics.jsonl of its training.
Prints how many losses agree.
"""

import csv
import json
import math
import pathlib
import sys

import torch
from safetensors.torch import load_file
from torch.nn import functional
from transformers import BertConfig, BertForSequenceClassification

BATCH, PASSES, AHEAD, RARELY, RATE, CLIP = 32, 2, 2, 3, 1e-3, 1.0
TOLERANCE = 2e-5


class Texts:
    """The rows of a table, in their order, round and round."""

    def __init__(self, path, words, labels=("animal", "plant", "tool")):
        with open(path, newline="", encoding="utf-8") as file:
            self.rows = [([words[w] for w in ["[CLS]", *row["text"].split(),
                                              "[SEP]"]],
                          labels.index(row["label"]))
                         for row in csv.DictReader(file, delimiter="\t")]
        self.next = 0

    def batch(self):
        rows = self.rows[self.next:self.next + BATCH]
        self.next += BATCH
        if self.next >= len(self.rows):
            self.next = 0
        longest = max(len(ids) for ids, _ in rows)
        ids = torch.tensor([i + [0] * (longest - len(i)) for i, _ in rows])
        return ids, torch.tensor([label for _, label in rows])


def vocabulary(folder):
    return {w: i for i, w in enumerate(
        (folder / "model" / "vocab.txt").read_text().split())}


def build(folder, start, name="net"):
    config = BertConfig.from_pretrained(folder / "model", num_labels=3)
    model = BertForSequenceClassification(config).eval()
    # Without what is frozen, which stays as it was.
    begun = load_file(start)
    pretrained = load_file(folder / "model" / "model.safetensors")
    own = model.state_dict()
    with torch.no_grad():
        for parameter, value in own.items():
            short = parameter.removeprefix("bert.")
            if f"{name}.{short}" in begun:
                value.copy_(begun[f"{name}.{short}"])
            elif short in pretrained:
                value.copy_(pretrained[short])
            else:
                assert "position_ids" in parameter, parameter
    return model, begun


class Phase:
    """Minimises over `parameters` alone."""

    def __init__(self, parameters, optimiser, clip=0.0):
        self.parameters = list(parameters)
        self.optimiser = optimiser(self.parameters)
        self.clip = clip

    def turn(self, loss, rate):
        gradients = torch.autograd.grad(loss, self.parameters)
        for parameter, gradient in zip(self.parameters, gradients, strict=True):
            parameter.grad = gradient
        if self.clip:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        return loss.item()


def adamw(parameters):
    return torch.optim.AdamW(parameters, weight_decay=0.0)


def sgd(parameters):
    return torch.optim.SGD(parameters, lr=RATE)


def linear(done, total, warmup=0):
    if done < warmup:
        return RATE * done / warmup
    return RATE * (total - done) / max(1, total - warmup)


def train(folder, start):
    words = vocabulary(folder)
    source = Texts(folder / "train.tsv", words)
    target = Texts(folder / "target.tsv", words)
    model, begun = build(folder, start)
    domain = torch.nn.Linear(model.config.hidden_size, 1)
    with torch.no_grad():
        domain.weight.copy_(begun["domain.weight"])
        domain.bias.copy_(begun["domain.bias"])
    encoder, head = list(model.bert.parameters()), list(
        model.classifier.parameters())

    def pooled(ids):
        return model.bert(input_ids=ids,
                          attention_mask=(ids != 0).int()).pooler_output

    def label(ids, answers):
        return functional.cross_entropy(model.classifier(pooled(ids)), answers)

    def tell(ids, answer):
        told = domain(pooled(ids))
        return functional.binary_cross_entropy_with_logits(
            told, torch.full_like(told, answer))

    per_epoch = math.ceil(len(source.rows) / BATCH)
    probe = Phase(head, adamw)
    for done in range(per_epoch):
        rate = linear(done, per_epoch, round(0.5 * per_epoch))
        yield "probe", done + 1, probe.turn(label(*source.batch()), rate)

    critic = Phase(domain.parameters(), adamw)
    confuse = Phase(encoder, sgd)
    learn = Phase(encoder + head, adamw, CLIP)
    steps = PASSES * per_epoch
    for done in range(steps):
        (ours, answers), (theirs, _) = source.batch(), target.batch()
        for _ in range(AHEAD):
            loss = critic.turn(
                0.5 * tell(ours, 0.0) + 0.5 * tell(theirs, 1.0), RATE)
        yield "critic", per_epoch + done + 1, loss
        if done % RARELY == 0:
            doubt = confuse.turn(
                0.5 * tell(ours, 0.5) + 0.5 * done / steps * tell(theirs, 0.5),
                linear(done, steps) / 10)
        yield "confuse", per_epoch + done + 1, doubt
        yield "learn", per_epoch + done + 1, learn.turn(
            label(ours, answers), linear(done, steps))


def compare(trained, got, names, tolerance=TOLERANCE):
    lines = [json.loads(line) for line in got.read_text().splitlines()]
    # The record of a strategy of one phase, called "", has "loss".
    keys = {name: f"{name}_loss".removeprefix("_") for name in names}
    losses = {(name, row["step"]): row[key] for row in lines
              for name, key in keys.items() if key in row}
    agreed = 0
    for name, step, loss in trained:
        ours = losses.pop((name, step))
        if abs(ours - loss) > tolerance:
            sys.exit(f"step {step}: expects a loss of {loss} of {name}, got {ours}")
        agreed += 1
    if losses:
        sys.exit(f"expects no other losses, got {sorted(losses)}")
    print(f"{agreed} losses agree")


def main():
    folder, start, got = map(pathlib.Path, sys.argv[1:])
    compare(train(folder, start), got, ("probe", "critic", "confuse", "learn"))


if __name__ == "__main__":
    main()
