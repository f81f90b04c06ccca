# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""As pages.py, for pages that compare the layers of two models. They have the
setting model=NAME, the folder of the student, of as many layers as START has.

    layers.py PAGE FOLDER START GOT [SETTING...]
"""

import pathlib
import sys

import torch
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import pages
import phases


def distilling(model, teacher, table, settings, more=lambda ids, said: 0):
    """The loss of labels, of the teacher's logits, and `more` of the outputs."""
    heat = float(settings.get("temperature", 2))
    share = float(settings["soft_share"])

    def loss():
        ids, answers = table.batch()
        mask = (ids != 0).int()
        said, heard = (one(input_ids=ids, attention_mask=mask,
                           output_hidden_states=True)
                       for one in (model, teacher))
        return ((1 - share) * pages.hard(said.logits, answers) +
                share * pages.soft(said.logits, heard.logits.detach(), heat) +
                more(said.hidden_states,
                     [x.detach() for x in heard.hidden_states]))

    return loss


def stages(named, phase, learn, model, teacher, table, settings):
    """What layers teach, in a phase and for epochs that are `named`, and then what
    the teacher says."""
    name, epochs = named
    first = int(settings[epochs]) * pages.steps(table)
    yield from pages.run(name, phase, first, learn)
    yield from pages.run(
        "logits", phases.Phase(model.parameters(), pages.adamw(), 1.0),
        int(settings["epochs"]) * pages.steps(table),
        distilling(model, teacher, table, settings), first)


def stride(ours, theirs):
    """Layers of the teacher for each of the student."""
    assert (len(theirs) - 1) % (len(ours) - 1) == 0
    return (len(theirs) - 1) // (len(ours) - 1)


def hidden(at, settings):
    table, teacher = at.table("part"), at.load("teacher")
    model, begun = at.model(settings["model"])
    (weight,) = pages.take(begun, ["fit.weight"])

    def states():
        ids, _ = table.batch()
        mask = (ids != 0).int()
        ours, theirs = (one.bert(input_ids=ids, attention_mask=mask,
                                 output_hidden_states=True).hidden_states
                        for one in (model, teacher))
        total = 0
        for own, other in zip(ours, theirs[::stride(ours, theirs)], strict=True):
            errors = (functional.linear(own, weight) - other.detach()).square()
            texts = (errors.mean(2) * mask).sum(1) / mask.sum(1)
            total = total + texts.mean()
        return total

    # Neither the pooler nor the classifier is behind a state.
    below = [*model.bert.embeddings.parameters(),
             *model.bert.encoder.parameters(), weight]
    yield from stages(("states", "state_epochs"),
                      phases.Phase(below, pages.adamw(sped=[weight]), 1.0),
                      states, model, teacher, table, settings)


def pkd(at, settings):
    table, teacher = at.table("part"), at.load("teacher")
    model, _ = at.model(settings["model"])
    share = float(settings["state_share"])

    def patient(ours, theirs):
        chosen = theirs[::stride(ours, theirs)]
        assert len(ours) == len(chosen) > 2
        return share * sum(
            (functional.normalize(own[:, 0]) -
             functional.normalize(other[:, 0])).square().mean(1).mean()
            for own, other in zip(ours[1:-1], chosen[1:-1], strict=True))

    yield from pages.run("", phases.Phase(model.parameters(), pages.adamw(), 1.0),
                         3 * pages.steps(table),
                         distilling(model, teacher, table, settings, patient))


def listen(model, layer):
    """What the projections of the attention of `layer` return, once it has run."""
    heard = {}
    block = model.bert.encoder.layer[layer].attention.self
    for kind in ("query", "key", "value"):
        getattr(block, kind).register_forward_hook(
            lambda _, inputs, output, kind=kind: heard.__setitem__(kind, output))
    return heard


def apart(ours, theirs, ids, compare):
    """The mean of `compare` over texts, of the rows of their tokens."""
    return torch.stack([compare([x[i, :n] for x in ours],
                                [y[i, :n].detach() for y in theirs])
                        for i, n in enumerate((ids != 0).sum(1))]).mean()


def projections(at, settings):
    """own_pages/projections.mlir: queries, keys and values of the last layers."""
    table, teacher = at.table("train"), at.load("teacher")
    model, _ = at.model(settings["model"])
    ours, theirs = listen(model, -1), listen(teacher, -1)

    def loss():
        ids, answers = table.batch()
        mask = (ids != 0).int()
        said = model(input_ids=ids, attention_mask=mask).logits
        teacher(input_ids=ids, attention_mask=mask)
        return functional.cross_entropy(said, answers) + sum(
            apart([ours[kind]], [theirs[kind]], ids,
                  lambda x, y: functional.mse_loss(x[0], y[0]))
            for kind in ours)

    yield from pages.run("", phases.Phase(model.parameters(), pages.adamw(), 1.0),
                         3 * pages.steps(table), loss)


def minilm(at, settings):
    table, teacher = at.table("part"), at.load("teacher")
    model, _ = at.model(settings["model"])
    layer = int(settings["layer"])
    ours, theirs = listen(model, -1), listen(teacher, layer - (layer > 0))
    heads = int(settings["relation_heads"]) or model.config.num_attention_heads

    def diverge(x, y):
        p, q = (pages.scores(*side, *side, heads).log_softmax(2) for side in (y, x))
        return functional.kl_div(q, p, reduction="sum",
                                 log_target=True) / (heads * len(x[0]))

    def relate():
        ids, _ = table.batch()
        for one in (model, teacher):
            one.bert(input_ids=ids, attention_mask=(ids != 0).int())
        return sum(apart([ours[kind]], [theirs[kind]], ids, diverge)
                   for kind in ours)

    # What the last layer makes of its projections is behind no relation.
    last = model.bert.encoder.layer[-1]
    behind = {*last.parameters()} - {*last.attention.self.parameters()}
    below = [p for p in [*model.bert.embeddings.parameters(),
                         *model.bert.encoder.parameters()] if p not in behind]
    yield from stages(("relate", "relation_epochs"),
                      phases.Phase(below, pages.adamw(), 1.0), relate, model,
                      teacher, table, settings)


def tinybert(at, settings):
    table, teacher = at.table("part"), at.load("teacher")
    model, begun = at.model(settings["model"])
    words, states = pages.take(begun, ["fit.embeddings.weight",
                                       "fit.states.weight"])
    ours, theirs = ([listen(one, i)
                     for i in range(one.config.num_hidden_layers)]
                    for one in (model, teacher))
    heads = model.config.num_attention_heads
    assert heads == teacher.config.num_attention_heads

    def near(x, y):
        return functional.mse_loss(pages.scores(*x, heads), pages.scores(*y, heads))

    def learn():
        ids, _ = table.batch()
        mask = (ids != 0).int()
        mine, shown = (one.bert(input_ids=ids, attention_mask=mask,
                                output_hidden_states=True).hidden_states
                       for one in (model, teacher))
        every = stride(mine, shown)
        total = 0
        for i, (x, y) in enumerate(zip(mine, shown[::every], strict=True)):
            weight = states if i else words
            total = total + apart(
                [x], [y], ids, lambda x, y, weight=weight: functional.mse_loss(
                    functional.linear(x[0], weight), y[0]))
        for x, y in zip(ours, theirs[every - 1::every], strict=True):
            total = total + apart([x["query"], x["key"]],
                                  [y["query"], y["key"]], ids, near)
        return total

    below = [*model.bert.embeddings.parameters(),
             *model.bert.encoder.parameters(), words, states]
    yield from stages(("layers", "layer_epochs"),
                      phases.Phase(below, pages.adamw(sped=[words, states]), 1.0),
                      learn, model, teacher, table, settings)


def expertise(p):
    """How much a teacher counts that gives p to the label."""
    return 1 / (1 + ((1 - p)**2).exp())


def means(states, ids):
    """The mean of the tokens of each text."""
    return torch.stack([x[:n].mean(0)
                        for x, n in zip(states, (ids != 0).sum(1))])


def by_class(x, answers, classes):
    """For each class the mean of its rows of x."""
    return torch.stack([x[answers == k].mean(0) for k in range(classes)])


def meta_kd(at, settings):
    # By hand; a label that the teacher does not see counts less.
    told = expertise(torch.tensor([1.0, 0.9, 0.5, 0.0]))
    assert torch.allclose(told, torch.tensor([0.5, 0.4975, 0.437823, 0.268941]),
                          atol=1e-6), told

    tables = {"own": at.table("wrong"), "other": at.table("other")}
    table, teacher = tables["own"], at.load("teacher")
    model, begun = at.model(settings["model"])
    maps = states, content = pages.take(begun, ["fit.states.weight",
                                                "fit.content.weight"])
    ours, theirs = ([listen(one, i)
                     for i in range(one.config.num_hidden_layers)]
                    for one in (model, teacher))
    heads = model.config.num_attention_heads
    width, own = teacher.config.hidden_size, float(settings["own"])

    def near(x, y):
        return functional.mse_loss(pages.scores(*x, heads), pages.scores(*y, heads))

    def shown(ids):
        with torch.no_grad():
            return teacher(input_ids=ids, attention_mask=(ids != 0).int(),
                           output_hidden_states=True)

    done, centroids = 0, {}
    for name, one in tables.items():
        rows, answers = [], []
        sums = torch.zeros(len(pages.ANIMALS), width)
        for _ in range(pages.steps(one)):
            ids, labels = one.batch()
            x = means(shown(ids).hidden_states[-1], ids)
            done += 1
            yield f"add_{name}", done, -(x * sums[labels]).sum().item()
            sums.index_add_(0, labels, x)
            rows.append(x)
            answers.append(labels)
        centroids[name] = by_class(torch.cat(rows), torch.cat(answers),
                                   len(pages.ANIMALS))

    def learn():
        ids, answers = table.batch()
        seen = shown(ids)
        goal = means(seen.hidden_states[-1], ids)
        typical = sum(
            share * functional.cosine_similarity(goal, centroids[name][answers])
            for name, share in (("own", own), ("other", 1 - own)))
        assert typical.abs().max() <= 1
        sure = seen.logits.softmax(1).gather(1, answers.unsqueeze(1)).squeeze(1)
        weights.append((1 + typical) * expertise(sure))
        mine = model.bert(input_ids=ids, attention_mask=(ids != 0).int(),
                          output_hidden_states=True).hidden_states
        every = stride(mine, seen.hidden_states)
        losses = []
        for i, n in enumerate((ids != 0).sum(1)):
            loss = 0.5 * functional.mse_loss(
                functional.linear(mine[-1][i, :n].mean(0), content), goal[i])
            for x, y in zip(mine, seen.hidden_states[::every], strict=True):
                loss = loss + functional.mse_loss(
                    functional.linear(x[i, :n], states), y[i, :n])
            for x, y in zip(ours, theirs[every - 1::every], strict=True):
                loss = loss + near(*([one[kind][i, :n] for kind in
                                      ("query", "key")] for one in (x, y)))
            losses.append(loss)
        return (weights[-1] * torch.stack(losses)).mean()

    def follow():
        ids, _ = table.batch()
        return pages.soft(pages.logits(model, ids), shown(ids).logits, 2)

    weights = []
    first = int(settings["layer_epochs"]) * pages.steps(table)
    yield from pages.run(
        "layers", phases.Phase([*model.bert.embeddings.parameters(),
                                *model.bert.encoder.parameters(), *maps],
                               pages.adamw(sped=maps), 1.0), first, learn, done)
    assert torch.cat(weights).std() > 0.05, weights
    yield from pages.run(
        "logits", phases.Phase(model.parameters(), pages.adamw(), 1.0),
        int(settings["epochs"]) * pages.steps(table), follow, done + first)


def relations(at, settings):
    table = at.table("train")
    (model, begun), teacher = at.model(), at.load("teacher")
    maps = pages.take(begun, ["maps.query", "maps.key"])

    def states(model, ids):
        told = model.bert(input_ids=ids, attention_mask=(ids != 0).int())
        return [x[:n] for x, n in zip(told.last_hidden_state,
                                      (ids != 0).sum(1))]

    def alike(x, y):
        p, q = (pages.scores(side, side, 4).log_softmax(2) for side in (y, x))
        return (p.exp() * (p - q)).sum(2).mean()

    def near(x, y):
        query, key = (functional.linear(x, side) for side in maps)
        return ((pages.scores(query, key, 2) - pages.scores(y, y, 2))**2).mean()

    def loss():
        ids, answers = table.batch()
        with torch.no_grad():
            targets = states(teacher, ids)
        pairs = list(zip(states(model, ids), targets))
        return (functional.cross_entropy(pages.logits(model, ids), answers) +
                4 * torch.stack([alike(*pair) for pair in pairs]).mean() +
                0.5 * torch.stack([near(*pair) for pair in pairs]).mean())

    yield from pages.run(
        "", phases.Phase([*model.parameters(), *maps], pages.adamw(), 1.0),
        3 * pages.steps(table), loss)


if __name__ == "__main__":
    pages.main(globals())
