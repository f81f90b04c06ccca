# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""As pages.py, for pages of models/strategies/ with inner loops and weighed
gradients. Texts of the table target have labels.

    nested.py PAGE FOLDER START GOT [SETTING...]
"""

import pathlib
import sys

import torch
from torch.nn import functional
from torch.nn.utils.stateless import functional_call

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import pages
import phases


def classify(model, values, ids):
    """The logits of `model` with the parameters `values`, by their names."""
    return functional_call(model, values, (ids,),
                           {"attention_mask": (ids != 0).int()}).logits


def descend(values, names, loss, rate, differentiable):
    """A step on `loss` of those parameters that are named."""
    slopes = torch.autograd.grad(loss, [values[name] for name in names],
                                 retain_graph=True,
                                 create_graph=differentiable)
    moved = dict(values)
    for name, slope in zip(names, slopes):
        moved[name] = values[name] - rate * slope
    return moved


def meta(at, settings, inner):
    support, query = at.table("train"), at.table("target")
    model, _ = at.model()
    values = dict(model.named_parameters())
    names = [name for name in values if inner(name)]
    rate, order = float(settings["inner_rate"]), int(settings["order"])

    def loss():
        (ours, answers), (theirs, others) = support.batch(), query.batch()
        fast = values
        for _ in range(int(settings["inner_steps"])):
            learnt = functional.cross_entropy(classify(model, fast, ours),
                                              answers)
            if fast is values:
                direct = learnt
            fast = descend(fast, names, learnt, rate, order == 2)
        helped = functional.cross_entropy(classify(model, fast, theirs), others)
        return helped + float(settings.get("direct", 0)) * direct

    yield from pages.run("", phases.Phase(model.parameters(), pages.adamw(),
                                          1.0), 3 * pages.steps(support), loss)


def maml(at, settings):
    yield from meta(at, settings, lambda name: True)


def anil(at, settings):
    yield from meta(at, settings, lambda name: name.startswith("classifier."))


def reptile(at, settings):
    table = at.table("train")
    model, _ = at.model()
    values = dict(model.named_parameters())
    total = 3 * pages.steps(table)
    for done in range(total):
        ids, answers = table.batch()
        fast = values
        for _ in range(int(settings["inner_steps"])):
            learnt = functional.cross_entropy(classify(model, fast, ids),
                                              answers)
            fast = descend(fast, list(values), learnt,
                           float(settings["inner_rate"]), False)
        with torch.no_grad():
            yield "", done + 1, sum(
                ((fast[name] - value)**2).sum() / 2
                for name, value in values.items()).item()
            part = float(settings["part"]) * (total - done) / total
            for name, value in values.items():
                value += part * (fast[name] - value)


def pcgrad(at, settings):
    first, second = at.table("train"), at.table("second", pages.THINGS)
    model, begun = at.model()
    shared = list(model.bert.parameters())
    heads = [pages.take(begun, [f"{name}_head.weight", f"{name}_head.bias"])
             for name in ("first", "second")]
    tops = [p for head in heads for p in head]
    share = float(settings["share"])
    apart = []

    def task(table, head):
        ids, answers = table.batch()
        return functional.cross_entropy(
            functional.linear(pages.pooled(model, ids), *head), answers)

    def flat(values):
        return torch.cat([value.flatten() for value in values])

    def project(one, other):
        """What is left of `one` beside `other`, where they point apart."""
        product = flat(one) @ flat(other)
        if product >= 0:
            return list(one)
        length = flat(other) @ flat(other)
        return [a - product / length * b for a, b in zip(one, other)]

    phase = phases.Phase([*shared, *tops], pages.adamw(sped=tops, speed=10.0))
    total = 3 * pages.steps(first)
    for done in range(total):
        losses = [task(first, heads[0]), share * task(second, heads[1])]
        slopes = [torch.autograd.grad(loss, shared, retain_graph=True)
                  for loss in losses]
        apart.append(bool(flat(slopes[0]) @ flat(slopes[1]) < 0))
        both = [a + b for a, b in zip(project(*slopes),
                                      project(*reversed(slopes)))]
        own = [torch.autograd.grad(loss, head)
               for loss, head in zip(losses, heads)]
        for parameter, slope in zip([*shared, *tops],
                                    [*both, *own[0], *own[1]]):
            parameter.grad = slope
        torch.nn.utils.clip_grad_norm_(phase.parameters, 1.0)
        rate = pages.linear(done, total)
        for group in phase.optimiser.param_groups:
            group["lr"] = rate
        phase.optimiser.step()
        yield "", done + 1, sum(losses).item()
    assert 0 < sum(apart), apart
    print(f"apart in {sum(apart)} of {total} steps")


if __name__ == "__main__":
    pages.main(globals())
