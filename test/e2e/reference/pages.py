# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Trains as a page of models/strategies/ says, without dropout, in PyTorch and
Transformers, and compares the losses of its phases with Graft's.

    pages.py PAGE FOLDER START GOT [SETTING...]

as phases.py. FOLDER also has the tables second.tsv, of a second task, and part.tsv,
which lacks labels, and teacher and second, checkpoints of trained classifiers.
self_training begins with the first of them, r_drop with both, other pages with START.
The rate is 1e-3; SETTING, as gamma=2, is what else the run has set.
"""

import json
import math
import pathlib
import sys

import torch
from torch.nn import functional
from safetensors.torch import load_file
from transformers import BertConfig, BertForSequenceClassification

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import phases

RATE = 1e-3  # that of domains in importance is 0.05
TOLERANCE = 2e-5


class Labels(tuple):
    """Names of labels; a missing one is -100."""

    def index(self, name):
        return super().index(name) if name else -100


ANIMALS, THINGS = Labels(("animal", "plant", "tool")), Labels(("alive", "thing"))


def pooled(model, ids):
    return model.bert(input_ids=ids,
                      attention_mask=(ids != 0).int()).pooler_output


def logits(model, ids):
    return model.classifier(pooled(model, ids))


def hard(said, answers):
    """The mean cross-entropy of the texts that have a label."""
    labelled = max(1, (answers != -100).sum().item())
    return functional.cross_entropy(said, answers, reduction="sum",
                                    ignore_index=-100) / labelled


def soft(said, target, heat):
    """The mean divergence from a teacher's logits, at a temperature."""
    return functional.kl_div((said / heat).log_softmax(1),
                             (target / heat).softmax(1),
                             reduction="batchmean") * heat**2


def take(begun, names):
    return [begun[name].clone().requires_grad_() for name in names]


def steps(table):
    return math.ceil(len(table.rows) / phases.BATCH)


def adamw(decay=0.01, sped=(), speed=1.0):
    """AdamW; the parameters `sped` have no decay, and `speed` times the rate."""

    class Sped(torch.optim.AdamW):

        def step(self, closure=None):
            if len(self.param_groups) > 1:
                self.param_groups[1]["lr"] = speed * self.param_groups[0]["lr"]
            return super().step(closure)

    def make(parameters):
        plain = [p for p in parameters if all(p is not s for s in sped)]
        groups = [{"params": plain, "weight_decay": decay}]
        if sped:
            groups.append({"params": list(sped), "weight_decay": 0.0})
        return Sped(groups)

    return make


def linear(done, total, warmup=0.1):
    rises = math.floor(warmup * total + 0.5)
    if done < rises:
        return RATE * done / rises
    return RATE * (total - done) / max(1, total - rises)


def run(name, optimiser, total, loss, first=0):
    """A stage of one phase: `loss` is called for each step."""
    for done in range(total):
        value = optimiser.turn(loss(), linear(done, total))
        yield name, first + done + 1, value


def self_training(at, settings):
    source = at.table("train")
    other = at.table("target")
    model = at.load("teacher")
    threshold = float(settings["threshold"])
    sure = []

    def label():
        ids, answers = source.batch()
        return functional.cross_entropy(logits(model, ids), answers)

    def both():
        ids, _ = other.batch()
        said = logits(model, ids)
        top, guess = said.detach().softmax(1).max(1)
        passes = (top >= threshold).float()
        sure.extend(passes.tolist())
        losses = functional.cross_entropy(said, guess, reduction="none")
        return label() + (passes * losses).mean()

    parameters = list(model.parameters())
    first = 3 * steps(source)
    yield from run("fit", phases.Phase(parameters, adamw(), 1.0), first, label)
    yield from run("self", phases.Phase(parameters, adamw(), 1.0),
                   3 * steps(other), both, first)
    assert 0 < sum(sure) < len(sure), sure
    print(f"sure of {sum(sure):.0f} of {len(sure)}")


def mmoe(at, settings):
    first, second = at.table("train"), at.table("second", THINGS)
    model, begun = at.model()
    count = int(settings["experts"])
    experts = take(begun, [f"tasks.expert.{i}.weight" for i in range(count)])
    tasks = [(take(begun, [f"tasks.expert.{i}.{task}_gate"
                           for i in range(count)]),
              take(begun, [f"tasks.{task}.weight"]))
             for task in ("first", "second")]
    top = list(experts)
    # The gate of a single expert is 1 whatever it reads.
    top += [p for gates, head in tasks
            for p in (gates if count > 1 else []) + head]

    def task(table, gates, head):
        ids, answers = table.batch()
        x = pooled(model, ids)
        scores = functional.linear(x, torch.cat(gates))
        shares = (80 * (scores / 80).tanh()).softmax(1)
        outs = torch.stack([functional.linear(x, expert).relu()
                            for expert in experts], 1)
        mixed = (shares.unsqueeze(2) * outs).sum(1)
        return functional.cross_entropy(functional.linear(mixed, *head), answers)

    yield from run("", phases.Phase([*model.bert.parameters(), *top],
                                    adamw(sped=top, speed=10.0), 1.0),
                   3 * steps(first),
                   lambda: task(first, *tasks[0]) + task(second, *tasks[1]))


def domain_confusion(at, settings):
    source, target = at.table("train"), at.table("target")
    model, begun = at.model()
    critic = take(begun, [f"domain.{layer}.{kind}" for layer in
                          ("hidden", "output") for kind in ("weight", "bias")])
    share, turns = float(settings["share"]), int(settings["turns"])

    def tell(x, answer):
        hidden = functional.linear(x, critic[0], critic[1]).relu()
        told = functional.linear(hidden, critic[2], critic[3])
        return functional.binary_cross_entropy_with_logits(
            told, torch.full_like(told, answer))

    judge = phases.Phase(critic, adamw(0.0))
    learn = phases.Phase(model.parameters(), adamw(), 1.0)
    total = 3 * steps(source)
    for done in range(total):
        (ours, answers), (theirs, _) = source.batch(), target.batch()
        for _ in range(turns):
            told = judge.turn(0.5 * tell(pooled(model, ours), 0.0) +
                              0.5 * tell(pooled(model, theirs), 1.0), 1e-3)
        yield "tell", done + 1, told
        x = pooled(model, ours)
        doubt = 0.5 * tell(x, 0.5) + 0.5 * tell(pooled(model, theirs), 0.5)
        rise = 2 / (1 + math.exp(-10 * done / total)) - 1
        loss = functional.cross_entropy(model.classifier(x), answers)
        yield "learn", done + 1, learn.turn(loss + share * rise * doubt,
                                            linear(done, total))


def importance(at, settings):
    source, target = at.table("train"), at.table("target")
    model, _ = at.model()
    start, _ = at.model()
    weight, bias = (torch.zeros(shape, requires_grad=True)
                    for shape in ((1, model.config.hidden_size), (1,)))
    most = float(settings["most"])

    def tell(ids):
        with torch.no_grad():
            x = pooled(start, ids)
        return functional.linear(x, weight, bias).squeeze(1)

    def apart():
        (ours, _), (theirs, _) = source.batch(), target.batch()
        return sum(0.5 * functional.binary_cross_entropy_with_logits(
            told, torch.full_like(told, answer))
            for told, answer in ((tell(ours), 0.0), (tell(theirs), 1.0)))

    def label():
        ids, answers = source.batch()
        weights = tell(ids).detach().exp().clamp(max=most)
        capped.extend((weights == most).tolist())
        return (weights * functional.cross_entropy(
            logits(model, ids), answers, reduction="none")).mean()

    capped = []
    total = 3 * steps(source)
    judge = phases.Phase([weight, bias], adamw())
    for done in range(total):
        yield "tell", done + 1, judge.turn(apart(), 5e-2)
    learn = phases.Phase(model.parameters(), adamw(), 1.0)
    yield from run("learn", learn, total, label, total)
    assert 0 < sum(capped) < len(capped), capped


def similarity(at, settings):
    source, target = at.table("train"), at.table("target")
    model, _ = at.model()
    start, _ = at.model()
    centre = torch.zeros(model.config.hidden_size, requires_grad=True)
    level, variance = (torch.zeros((), requires_grad=True) for _ in range(2))
    sharpness, most = (float(settings[name]) for name in ("sharpness", "most"))
    means, capped = [], []

    def unit(ids):
        with torch.no_grad():
            return functional.normalize(pooled(start, ids))

    def around():
        u = unit(target.batch()[0])
        means.append(u.mean(0))
        return 0.5 * (centre - u).square().sum(1).mean()

    def over(ids):
        return ((unit(ids) - centre) @ centre).detach() - level

    def off():
        return 0.5 * over(source.batch()[0]).square().mean()

    def varied():
        squares = over(source.batch()[0]).square().detach()
        return 0.5 * (variance - squares).square().mean()

    def label():
        ids, answers = source.batch()
        z = (over(ids) / variance.clamp(min=1e-12).sqrt()).detach()
        counts = (sharpness * z - sharpness**2 / 2).exp().clamp(max=most)
        capped.extend((counts == most).tolist())
        return (counts * functional.cross_entropy(
            logits(model, ids), answers, reduction="none")).mean()

    done = 0
    for name, loss, learned, count in (
            ("find_middle", around, [centre], steps(target)),
            ("find_level", off, [level], steps(source)),
            ("find_variance", varied, [variance], steps(source))):
        phase = phases.Phase(learned, lambda p: torch.optim.SGD(p, lr=1.0))
        for i in range(count):
            yield name, done + i + 1, phase.turn(loss(), 1 / (1 + i))
        done += count
    assert torch.allclose(centre, torch.stack(means).mean(0), atol=1e-6)
    yield from run("learn", phases.Phase(model.parameters(), adamw(), 1.0),
                   3 * steps(source), label, done)
    assert 0 < sum(capped) < len(capped), capped


def focal(at, settings):
    table = at.table("train")
    model, _ = at.model()
    gamma = float(settings["gamma"])

    def loss():
        ids, answers = table.batch()
        surprise = functional.cross_entropy(logits(model, ids), answers,
                                            reduction="none")
        return ((1 - (-surprise).exp())**gamma * surprise).mean()

    yield from run("", phases.Phase(model.parameters(), adamw(), 1.0),
                   3 * steps(table), loss)


class Sets(tuple):
    """1 for each label that a text has, of names with commas between them."""

    def index(self, names):
        return [float(label in names.split(",")) for label in self]


def multi_label(at, settings):
    table = at.table("sets", Sets(ANIMALS))
    model, _ = at.model()
    counts = set()

    def loss():
        ids, truth = table.batch()
        counts.update(truth.sum(1).int().tolist())
        return functional.binary_cross_entropy_with_logits(logits(model, ids),
                                                           truth)

    yield from run("", phases.Phase(
        model.parameters(),
        adamw(sped=list(model.classifier.parameters()), speed=10.0), 1.0),
        3 * steps(table), loss)
    assert counts == {0, 1, 2}, counts


def task_covariance(at, settings):
    first, second = at.table("train"), at.table("test")
    model, begun = at.model()
    heads = take(begun, ["heads.first", "heads.second"])
    relate = float(settings["relate"])
    inverse = torch.zeros(2, 2)
    fit = phases.Phase([*model.bert.parameters(), *heads],
                       adamw(sped=heads, speed=10.0), 1.0)
    total = 3 * steps(first)

    def loss():
        value = 0
        for table, head in zip((first, second), heads):
            ids, answers = table.batch()
            value += functional.cross_entropy(
                functional.linear(pooled(model, ids), head), answers)
        rows = torch.stack([head.flatten() for head in heads])
        return value + relate * (rows.T @ inverse @ rows).trace()

    for done in range(total):
        rows = torch.stack([head.detach().flatten() for head in heads]).double()
        values, vectors = torch.linalg.eigh(rows @ rows.T)
        root = vectors @ values.sqrt().diag() @ vectors.T
        settled = (root / root.trace()).inverse().float()
        yield "settle", done + 1, (inverse * (inverse - settled)).sum().item()
        inverse = settled
        yield "step", done + 1, fit.turn(loss(), linear(done, total))
    print(f"relation {inverse[0, 1] / inverse[0, 0]:.3f}")


def bit_fit(at, settings):
    table = at.table("train")
    model, _ = at.model()

    def loss():
        ids, answers = table.batch()
        return functional.cross_entropy(logits(model, ids), answers)

    learned = [p for name, p in model.named_parameters()
               if name.endswith("bias") or name.startswith("classifier.")]
    assert len(learned) == 20 < len(list(model.parameters()))
    yield from run("", phases.Phase(learned, adamw(0.0), 1.0),
                   3 * steps(table), loss)


def distill_two(at, settings):
    table = at.table("part")
    model, _ = at.model()
    teachers = [at.load(name) for name in ("teacher", "second")]
    share, second = float(settings["soft_share"]), float(settings["second_share"])

    def loss():
        ids, answers = table.batch()
        said = logits(model, ids)
        apart = [soft(said, logits(one, ids).detach(), 2.0) for one in teachers]
        return ((1 - share) * hard(said, answers) +
                share * (1 - second) * apart[0] + share * second * apart[1])

    yield from run("", phases.Phase(model.parameters(), adamw(), 1.0),
                   3 * steps(table), loss)


def distill_file(at, settings):
    table = at.table("part")
    model, _ = at.model()
    share = float(settings["soft_share"])
    heat = float(settings["temperature"])
    with open(at.folder / "soft.jsonl", encoding="utf-8") as file:
        targets = torch.tensor([[json.loads(line)["logits"][name]
                                 for name in ANIMALS] for line in file])

    def loss():
        first = table.next
        ids, answers = table.batch()
        said = logits(model, ids)
        return ((1 - share) * hard(said, answers) +
                share * soft(said, targets[first:first + len(answers)], heat))

    yield from run("", phases.Phase(model.parameters(), adamw(), 1.0),
                   3 * steps(table), loss)


def scores(left, right, heads):
    """Of the tokens of one text in each head."""
    left, right = (x.view(len(x), heads, -1).transpose(0, 1)
                   for x in (left, right))
    return left @ right.transpose(1, 2) / left.shape[2]**0.5


def slope(at, settings):
    table = at.table("train")
    model, begun = at.model()
    reader = take(begun, [f"reader.{name}" for name in (
        "query", "key", "value", "scale", "shift", "wide", "label")])
    query, key, value, scale, shift, wide, label = reader
    share = float(settings["share"])

    def read(x):
        """The features of one text, of its states."""
        q, k, v = (functional.linear(x, side) for side in (query, key, value))
        heads = v.view(len(x), 2, -1).transpose(0, 1)
        seen = scores(q, k, 2).softmax(2) @ heads
        n = functional.layer_norm(seen.transpose(0, 1).reshape(v.shape) + v,
                                  (16,), scale, shift, 1e-6)
        return functional.gelu(functional.linear(n, wide),
                               approximate="tanh").max(0).values

    def loss():
        ids, answers = table.batch()
        count = (ids != 0).sum(1)
        x = model.bert(input_ids=ids,
                       attention_mask=(ids != 0).int()).last_hidden_state
        said = torch.stack([read(states[:n]) for states, n in zip(x, count)])
        surprise = functional.cross_entropy(functional.linear(said, label),
                                            answers, reduction="none")
        (steep,) = torch.autograd.grad(surprise.sum(), x, create_graph=True)
        return (surprise + share * steep.square().sum((1, 2)) / count).mean()

    learned = [*model.bert.embeddings.parameters(),
               *model.bert.encoder.parameters(), *reader]
    yield from run("", phases.Phase(learned, adamw(), 1.0), 3 * steps(table), loss)


def r_drop(at, settings):
    """The second prediction is that of a second model, which learns, too."""
    table = at.table("train")
    model, other = at.load("teacher"), at.load("second")
    alpha = float(settings["alpha"])

    def loss():
        ids, answers = table.batch()
        a, b = logits(model, ids), logits(other, ids)
        p, q = a.log_softmax(1), b.log_softmax(1)
        apart = (functional.kl_div(p, q, reduction="batchmean", log_target=True) +
                 functional.kl_div(q, p, reduction="batchmean", log_target=True))
        return (0.5 * functional.cross_entropy(a, answers) +
                0.5 * functional.cross_entropy(b, answers) + alpha / 4 * apart)

    yield from run("", phases.Phase([*model.parameters(), *other.parameters()],
                                    adamw(), 1.0), 3 * steps(table), loss)


def reverse(x, strength):
    """The value x, whose gradient is multiplied by -strength."""
    return (1 + strength) * x.detach() - strength * x


def cdan(at, settings):
    """The discriminator reads products of features and predictions: as a matrix of
    both, times one of weights."""
    source, target = at.table("train"), at.table("target")
    model, begun = at.model()
    critic = take(begun, ["domain.hidden.weight", "domain.output.weight"])
    total = 3 * steps(source)
    done = 0

    def tell(x, said, answer):
        strength = float(settings["strength"]) * (
            2 / (1 + math.exp(-10 * done / total)) - 1)
        guess = said.detach().softmax(1)
        hidden = functional.linear(reverse(x, strength), critic[0]).relu()
        products = guess.unsqueeze(2) * hidden.unsqueeze(1)
        told = (products * critic[1]).sum((1, 2))
        losses = functional.binary_cross_entropy_with_logits(
            told, torch.full_like(told, answer), reduction="none")
        entropy = torch.distributions.Categorical(guess).entropy()
        return ((1 + (-entropy).exp()) * losses).mean()

    def loss():
        nonlocal done
        (ours, answers), (theirs, _) = source.batch(), target.batch()
        x, y = pooled(model, ours), pooled(model, theirs)
        said, guess = model.classifier(x), model.classifier(y)
        value = (functional.cross_entropy(said, answers) +
                 0.5 * tell(x, said, 0.0) + 0.5 * tell(y, guess, 1.0))
        done += 1
        return value

    # The critic of the page has a rate of its own, and no decay.
    yield from run("", phases.Phase([*model.parameters(), *critic],
                                    adamw(sped=critic, speed=10.0), 1.0),
                   total, loss)


def uncertainty(at, settings):
    first, second = at.table("train"), at.table("second", THINGS)
    model, begun = at.model()
    (weight,) = take(begun, ["second_head.weight"])
    noises = take(begun, ["noise.first_log", "noise.second_log"])

    class Rates(torch.optim.AdamW):
        """Heads learn 10 times as fast, noises 50 times."""

        def step(self, closure=None):
            for group, speed in zip(self.param_groups[1:], (10.0, 50.0)):
                group["lr"] = speed * self.param_groups[0]["lr"]
            return super().step(closure)

    def make(_):
        return Rates([{"params": list(model.parameters()), "weight_decay": 0.01},
                      {"params": [weight], "weight_decay": 0.0},
                      {"params": noises, "weight_decay": 0.0}])

    def loss():
        (ours, answers), (theirs, others) = first.batch(), second.batch()
        losses = (functional.cross_entropy(logits(model, ours), answers),
                  functional.cross_entropy(functional.linear(
                      pooled(model, theirs), weight), others))
        return sum((-s).exp() * value + s / 2 for s, value in zip(noises, losses))

    yield from run("", phases.Phase([*model.parameters(), weight, *noises], make,
                                    1.0), 3 * steps(first), loss)
    assert all(abs(s.item()) > 0.1 for s in noises), noises


def distill_embeddings(at, settings):
    table = at.table("train")
    model, begun = at.model()
    teacher = at.load("teacher")
    wide = take(begun, ["map.weight"])

    def loss():
        ids, _ = table.batch()
        with torch.no_grad():
            said = pooled(teacher, ids)
        return functional.mse_loss(functional.linear(pooled(model, ids), *wide),
                                   said)

    yield from run("", phases.Phase([*model.bert.parameters(), *wide],
                                    adamw(sped=wide, speed=10.0), 1.0),
                   3 * steps(table), loss)


def contrastive(at, settings):
    """Without dropout both views are one, whose gradient is that of both."""
    table = at.table("train")
    model, _ = at.model()
    heat = float(settings["temperature"])

    def loss():
        ids, _ = table.batch()
        x = functional.normalize(pooled(model, ids))
        return functional.cross_entropy(x @ x.T / heat, torch.arange(len(x)))

    yield from run("", phases.Phase(model.bert.parameters(), adamw(), 1.0),
                   3 * steps(table), loss)


def means(model, ids):
    """The mean of the tokens of each text."""
    mask = (ids != 0).int()
    states = model.bert(input_ids=ids, attention_mask=mask).last_hidden_state
    return (states * mask.unsqueeze(2)).sum(1) / mask.sum(1, keepdim=True)


def without_pooler(model):
    return [*model.bert.embeddings.parameters(),
            *model.bert.encoder.parameters()]


def setfit(at, settings):
    table = at.table("train")
    model, begun = at.model()
    head = take(begun, ["head.weight", "head.bias"])

    def pairs():
        ids, answers = table.batch()
        u = functional.normalize(means(model, ids))
        losses = []
        for i in range(len(u)):
            errors = {True: [], False: []}
            for j in range(len(u)):
                if j != i:
                    same = answers[i].item() == answers[j].item()
                    errors[same].append((u[i] @ u[j] - float(same))**2)
            losses.append(sum(torch.stack(kind).mean()
                              for kind in errors.values() if kind) / 2)
        return torch.stack(losses).mean()

    def classes():
        ids, answers = table.batch()
        with torch.no_grad():
            x = means(model, ids)
        return functional.cross_entropy(functional.linear(x, *head), answers)

    first = int(settings["epochs"]) * steps(table)
    yield from run("pairs", phases.Phase(without_pooler(model), adamw(), 1.0),
                   first, pairs)
    yield from run("classes", phases.Phase(head, adamw(), 1.0),
                   int(settings["head_epochs"]) * steps(table), classes, first)


def prototypes(at, settings):
    """rare.tsv has a class of which batches have one text or none. The classes that
    are predicted are others. With still=1 the rate is 0: the loss does not depend on a
    bias of the features, whose gradient is but rounding, and the sums do."""
    table, support = at.table("rare"), at.table("second", THINGS)
    model, _ = at.model()
    left_out = {"classes": 0, "texts": 0}

    def learn():
        ids, answers = table.batch()
        x = means(model, ids)
        losses = []
        for i, own in enumerate(answers.tolist()):
            near = {}
            for k in range(len(ANIMALS)):
                others = [x[j] for j, label in enumerate(answers.tolist())
                          if j != i and label == k]
                if others:
                    prototype = torch.stack(others).mean(0)
                    near[k] = -(x[i] - prototype).square().sum()
            left_out["classes"] += len(near) < len(ANIMALS)
            left_out["texts"] += own not in near
            if own in near:
                losses.append(torch.stack(list(near.values())).logsumexp(0) -
                              near[own])
        return torch.stack(losses).sum() / len(x)

    first = int(settings["epochs"]) * steps(table)
    still = "still" in settings
    if not still:
        yield from run("learn", phases.Phase(without_pooler(model), adamw(), 1.0),
                       first, learn)
        assert 0 < left_out["texts"] < left_out["classes"], left_out

    sums = torch.zeros(len(THINGS), model.config.hidden_size)
    counts = torch.zeros(len(THINGS))
    for done in range(steps(support)):
        ids, answers = support.batch()
        with torch.no_grad():
            x = means(model, ids)
        if still:
            yield ("collect", first + done + 1,
                   -((x * sums[answers]).sum() + counts[answers].sum()).item())
        sums.index_add_(0, answers, x)
        counts += functional.one_hot(answers, len(THINGS)).sum(0)

    # All test texts by the prototypes of all of @support.
    dev = at.table("second_test", THINGS)
    near, count = 0.0, 0
    for _ in range(steps(dev)):
        ids, answers = dev.batch()
        with torch.no_grad():
            x = means(model, ids)
        apart = (x.unsqueeze(1) - sums / counts.unsqueeze(1)).square().sum(2)
        near += functional.cross_entropy(-apart, answers, reduction="sum").item()
        count += len(x)
    yield "dev", first + steps(support), near / count


def typical(x, mine, theirs, own):
    """How typical texts are of their class, by its centroids in both domains."""
    near, far = (functional.cosine_similarity(x, side)
                 for side in (mine, theirs))
    return (own * near + (1 - own) * far).relu()


def meta(at, settings):
    # By hand: cosines of 1 and 0, 0.6 and 0.8, and -1 and 0.
    told = typical(torch.tensor([[2.0, 0.0], [3.0, 4.0], [-1.0, 0.0]]),
                   torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 5.0]]), 0.5)
    assert torch.allclose(told, torch.tensor([0.5, 0.7, 0.0]))

    tables = [at.table("train"), at.table("other")]
    (model, begun), start = at.model(), at.load("teacher")
    *vectors, weight, bias = domain = take(
        begun, [f"domain.{name}" for name in ("first", "second", "weight",
                                              "bias")])
    own, done = float(settings["own"]), 0
    centroids = []
    for name, table in zip(("add_first", "add_second"), tables):
        sums = torch.zeros(len(ANIMALS), model.config.hidden_size)
        counts = torch.zeros(len(ANIMALS), 1)
        for _ in range(steps(table)):
            ids, answers = table.batch()
            with torch.no_grad():
                x = pooled(start, ids)
            done += 1
            yield name, done, -(x * sums[answers]).sum().item()
            sums.index_add_(0, answers, x)
            counts.index_add_(0, answers, torch.ones(len(x), 1))
        centroids.append(sums / counts)

    def loss():
        total, weights = 0, []
        for k, table in enumerate(tables):
            ids, answers = table.batch()
            mask = (ids != 0).int()
            with torch.no_grad():
                x = pooled(start, ids)
                t = typical(x, centroids[k][answers], centroids[1 - k][answers],
                            own)
            said = functional.cross_entropy(logits(model, ids), answers,
                                            reduction="none")
            states = model.bert(input_ids=ids,
                                attention_mask=mask).last_hidden_state
            mean = ((states * mask.unsqueeze(2)).sum(1) /
                    mask.sum(1, keepdim=True))
            told = functional.linear(mean + vectors[k], weight, bias)
            doubt = functional.binary_cross_entropy_with_logits(
                told, torch.full_like(told, 0.5))
            total = total + 0.5 * (t * said).mean() + 0.5 * 0.1 * doubt
            weights.append(t)
        assert torch.cat(weights).std() > 0.1, weights
        return total

    yield from run("learn", phases.Phase([*model.parameters(), *domain],
                                         adamw(sped=domain), 1.0),
                   int(settings["epochs"]) * steps(tables[0]), loss, done)


class Place:
    """What a run began with."""

    def __init__(self, folder, start):
        self.folder, self.start = folder, start
        self.words = phases.vocabulary(folder)

    def table(self, name, labels=ANIMALS):
        return phases.Texts(self.folder / f"{name}.tsv", self.words, labels)

    def model(self, name="model"):
        """Values that a checkpoint lacks are those of the model's folder."""
        begun = load_file(self.start)
        values = load_file(self.folder / name / "model.safetensors")
        values.update((name.removeprefix("model."), value)
                      for name, value in begun.items())
        layers = {name.split(".")[3] for name in begun
                  if name.startswith("model.encoder.layer.")}
        config = BertConfig.from_pretrained(self.folder / name,
                                            num_labels=len(ANIMALS))
        config.num_hidden_layers = len(layers) or config.num_hidden_layers
        model = BertForSequenceClassification(config).eval()
        own = model.state_dict()
        with torch.no_grad():
            for name in own:
                short = name.removeprefix("bert.")
                if short in values:
                    own[name].copy_(values[short])
        return model, begun

    def load(self, name):
        return BertForSequenceClassification.from_pretrained(
            self.folder / name).eval()


def compare(trained, got):
    """Phases without a name are the only one of their page."""
    rows = [json.loads(line) for line in got.read_text().splitlines()]
    worst = 0
    for name, step, loss in trained:
        field = f"{name}_loss" if name else "loss"
        (ours,) = [row[field] for row in rows
                   if row["step"] == step and field in row]
        apart = abs(ours - loss) / max(1.0, abs(loss))
        if not apart <= TOLERANCE:
            sys.exit(f"step {step}: expects {field} {loss}, got {ours}")
        worst = max(worst, apart)
    assert max(row["step"] for row in rows) == trained[-1][1], rows[-1]
    print(f"{len(trained)} losses agree, by {worst:.1e} or less")


def main(pages):
    """Compares what the function of `pages` trains that the command line names."""
    page, folder, start, got, *settings = sys.argv[1:]
    compare(list(pages[page](
        Place(pathlib.Path(folder), pathlib.Path(start)),
        dict(setting.split("=") for setting in settings))), pathlib.Path(got))


if __name__ == "__main__":
    main(globals())
