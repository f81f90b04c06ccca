# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""As pages.py, for pages that select examples by reward. The random numbers are those
of docs/formats/randomness.md. FOLDER also has validation.tsv.

    selection.py PAGE FOLDER START GOT [SETTING...]
"""

import math
import pathlib
import sys

import torch
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import pages
import philox
from phases import Phase

RATE = 1e-3


def choose(probabilities, step, ordinal):
    """What is selected of a batch by draws of the entry with this ordinal."""
    key = philox.key_of(0, ordinal, 0, 60)
    drawn = [philox.uniform(key, i, step) for i in range(len(probabilities))]
    return (probabilities >= torch.tensor(drawn)).float()


def measure(model, table):
    """The mean loss of all of a table, with the other sign."""
    total = 0.0
    with torch.no_grad():
        for _ in range(pages.steps(table)):
            ids, answers = table.batch()
            total += functional.cross_entropy(pages.logits(model, ids), answers,
                                              reduction="sum").item()
    return -total / len(table.rows)


class Rewards:
    """The registers of the page."""

    def __init__(self, first):
        self.before = first
        self.usual = self.square = 0.0

    def advantage(self, now, done):
        """How far the change of the step is from the usual one."""
        change = min(done, 1) * (now - self.before)
        apart = change - self.usual
        self.square = 0.95 * self.square + 0.05 * apart**2
        self.usual = 0.9 * self.usual + 0.1 * change
        self.before = now
        return max(-3, min(3, apart / math.sqrt(self.square + 1e-16)))


def adamw(decay=0.01, beta1=0.0):
    return lambda parameters: torch.optim.AdamW(
        parameters, weight_decay=decay, betas=(beta1, 0.999))


def warm(phase, source, target, label, own):
    """The first stage: all of both tables."""
    for done in range(pages.steps(source)):
        yield "warm", done + 1, phase.turn(
            label(source.batch()) + own(target.batch()), RATE)


def sure(z):
    """The entropy of a decision, with the other sign."""
    return (z.sigmoid() * functional.logsigmoid(z) +
            (-z).sigmoid() * functional.logsigmoid(-z)).mean()


def bce(z, answer):
    return functional.binary_cross_entropy_with_logits(
        z, torch.full_like(z, answer), reduction="none")


def rtl(at, settings):
    source, target, held = (at.table(name) for name in
                            ("train", "target", "validation"))
    model, begun = at.model()
    head = pages.take(begun, ["source_head.weight", "source_head.bias"])
    policy = pages.take(begun, [f"policy.{name}" for name in (
        "features", "signals", "output", "bias")])
    speed, discount, doubt = (float(settings[name]) for name in
                              ("speed", "discount", "doubt"))
    encoder = [*model.bert.parameters()]
    own = [*model.classifier.parameters()]

    def each(batch):
        ids, answers = batch
        x = pages.pooled(model, ids)
        return functional.cross_entropy(functional.linear(x, *head), answers,
                                        reduction="none")

    def label(batch):
        ids, answers = batch
        return functional.cross_entropy(pages.logits(model, ids), answers)

    total = pages.steps(source)
    yield from warm(Phase([*encoder, *own, *head], adamw(), 1.0), source, target,
                    lambda batch: each(batch).mean(), label)
    learn_source = Phase([*encoder, *head], adamw(), 1.0)
    learn_target = Phase([*encoder, *own], adamw(), 1.0)
    by_reward = Phase(policy, lambda p: torch.optim.SGD(p, lr=1.0,
                                                        momentum=discount))
    by_doubt = Phase(policy, lambda p: torch.optim.SGD(p, lr=1.0))
    rewards, taken, rows = Rewards(0.0), [], int(settings["epochs"]) * total
    for done in range(rows):
        batch, other = source.batch(), target.batch()
        with torch.no_grad():
            x = pages.pooled(model, batch[0])
            losses = torch.stack([functional.cross_entropy(
                functional.linear(x, *side), batch[1], reduction="none")
                for side in (head, own)], 1)
            said = torch.cat([losses, (-losses).exp()], 1)

        def score():
            hidden = (functional.linear(x, policy[0]) +
                      functional.linear(said, policy[1])).relu()
            return functional.linear(hidden, policy[2], policy[3]).squeeze(1)

        with torch.no_grad():
            action = choose(score().sigmoid(), total + done, 6)
        taken.extend(action.tolist())
        yield "learn_source", total + done + 1, learn_source.turn(
            (each(batch) * action).mean(), RATE)
        yield "learn_target", total + done + 1, learn_target.turn(label(other),
                                                                  0.3 * RATE)
        advantage = rewards.advantage(measure(model, held), done)
        falls = speed * (1 - done / rows)
        surprise = functional.binary_cross_entropy_with_logits(score(), action)
        yield "choose", total + done + 1, turn(by_reward, surprise,
                                               falls * advantage)
        yield "explore", total + done + 1, turn(by_doubt, sure(score()),
                                                falls * doubt)
    assert 0 < sum(taken) < len(taken), taken
    print(f"selected {sum(taken):.0f} of {len(taken)}")


def turn(phase, loss, rate):
    """A turn at a rate that may be negative, which torch.optim refuses: the step of
    a rate of 1, times it."""
    before = [p.detach().clone() for p in phase.parameters]
    value = phase.turn(loss, 1.0)
    with torch.no_grad():
        for p, old in zip(phase.parameters, before, strict=True):
            p.copy_(old + rate * (p - old))
    return value


def mgtl(at, settings):
    source, target, held = (at.table(name) for name in
                            ("train", "target", "validation"))
    model, begun = at.model()
    judge = pages.take(begun, ["discriminator.hidden", "discriminator.output"])
    chooser = pages.take(begun, [f"selector.{name}" for name in (
        "hidden", "loss", "probability", "output", "bias")])
    share, speed, doubt = (float(settings[name]) for name in
                           ("share", "speed", "doubt"))

    def each(batch):
        return functional.cross_entropy(pages.logits(model, batch[0]), batch[1],
                                        reduction="none")

    def told(x):
        return functional.linear(functional.linear(x, judge[0]).relu(),
                                 judge[1]).squeeze(1)

    def label(batch):
        return each(batch).mean()

    total = pages.steps(source)
    yield from warm(Phase(model.parameters(), adamw(), 1.0), source, target, label,
                    label)
    tell = Phase(judge, adamw(0.0, 0.9))
    select = Phase(chooser, lambda p: torch.optim.SGD(p, lr=1.0))
    learn_source, learn_target = (Phase(model.parameters(), adamw(), 1.0)
                                  for _ in range(2))
    rewards, taken, rows = Rewards(0.0), [], int(settings["epochs"]) * total
    for done in range(rows):
        batch, other, step = source.batch(), target.batch(), total + done + 1
        with torch.no_grad():
            here, there = (pages.pooled(model, one[0]) for one in (batch, other))
            loss = functional.cross_entropy(model.classifier(here), batch[1],
                                            reduction="none")
            said = torch.stack([loss, (-loss).exp()], 1)

        def score():
            hidden = (functional.linear(here, chooser[0]) +
                      said @ torch.stack(chooser[1:3])).relu()
            return functional.linear(hidden, *chooser[3:]).squeeze(1)

        with torch.no_grad():
            action = choose(score().sigmoid(), total + done, 7)
        taken.extend(action.tolist())
        yield "tell", step, tell.turn(
            (bce(told(here), 0.0) * action).mean() + bce(told(there), 1.0).mean(),
            1e-2)
        yield "learn_source", step, learn_source.turn(
            (each(batch) * action).mean(), RATE)
        yield "learn_target", step, learn_target.turn(label(other), 0.3 * RATE)
        advantage = rewards.advantage(measure(model, held), done)
        log = (math.log(2) - bce(told(here), 1.0)).clamp(min=-3)
        gain = ((2 * action - 1) * log).detach()
        surprise = functional.binary_cross_entropy_with_logits(
            score(), action, reduction="none")
        yield "choose", step, turn(
            select, share * (surprise * gain).mean() +
            (1 - share) * advantage * surprise.mean() + doubt * sure(score()),
            speed * (1 - done / rows))
    assert 0 < sum(taken) < len(taken), taken
    print(f"selected {sum(taken):.0f} of {len(taken)}")


if __name__ == "__main__":
    pages.main({"rtl": rtl, "mgtl": mgtl})
