# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Trains the networks of Inputs/toys on the same tables in PyTorch.

    toys.py FOLDER > measured.json

Prints the accuracies of five seeds, and of tasks the errors, from which the bounds of
Inputs/toys/calibration.json were chosen: "pytorch" there is what this printed. The
weights begin with other draws of the same distributions.
"""

import json
import math
import pathlib
import sys

import torch
from torch.nn import functional

INPUTS = pathlib.Path(__file__).resolve().parents[1] / "Inputs" / "toys"
sys.path.insert(0, str(INPUTS))
import tables  # noqa: E402

ANGLE = 35.0
SINE_STEPS, SINE_RATE = 12000, 2e-3
INNER_STEPS, INNER_RATE = 3, 0.01
# As the pages declare them.
MOONS = {"source": (5e-3, 60), "oracle": (5e-3, 60), "dann": (2e-2, 120),
         "mmd": (5e-3, 60), "coral": (5e-3, 60)}


def read(path, label=None):
    """Numbers of the columns but `label`, and those of that one."""
    header, *rows = (line.split("\t")
                     for line in path.read_text().splitlines())
    at = header.index(label) if label else len(header)
    numbers = torch.tensor([[float(cell) for i, cell in enumerate(row) if i != at]
                            for row in rows])
    answers = torch.tensor([int(row[at]) for row in rows]) if label else None
    return numbers, answers


def layer(width, height, deviation):
    made = torch.nn.Linear(width, height)
    torch.nn.init.normal_(made.weight, std=deviation)
    torch.nn.init.zeros_(made.bias)
    return made


def batches(count, size, draw):
    while True:
        order = torch.randperm(count, generator=draw)
        for i in range(0, count, size):
            yield order[i:i + size]


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(context, x, strength):
        context.strength = strength
        return x.view_as(x)

    @staticmethod
    def backward(context, gradient):
        return -context.strength * gradient, None


def mmd(a, b):
    def squares(x, y):
        return ((x[:, None] - y[None])**2).sum(2)

    within, across, other = squares(a, a), squares(a, b), squares(b, b)
    count = len(a) + len(b)
    mean = ((within.sum() + 2 * across.sum() + other.sum()) /
            (count * (count - 1))).detach()

    def kernel(x):
        return sum(torch.exp(-x / (mean * scale))
                   for scale in (0.25, 0.5, 1, 2, 4)).mean()

    return kernel(within) + kernel(other) - 2 * kernel(across)


def coral(a, b):
    apart = torch.cov(a.T) - torch.cov(b.T)
    return (apart**2).sum() / (4 * a.shape[1]**2)


def moons(folder, seed, method):
    tables.write_moons(folder, seed, ANGLE)
    x, y = read(folder / ("oracle.tsv" if method == "oracle" else "source.tsv"),
                "label")
    other, _ = read(folder / "target.tsv")
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    encoder = torch.nn.Sequential(layer(2, 32, 0.5), torch.nn.ReLU(),
                                  layer(32, 8, 0.2), torch.nn.ReLU())
    head = layer(8, 2, 0.3)
    domain = torch.nn.Sequential(layer(8, 32, 0.3), torch.nn.ReLU(),
                                 layer(32, 1, 0.2))
    rate, epochs = MOONS[method]
    optimiser = torch.optim.Adam(
        [{"params": [*encoder.parameters(), *head.parameters()], "speed": 1},
         {"params": domain.parameters(), "speed": 2}], lr=rate)
    total = epochs * len(x) // 100
    ours, theirs = batches(len(x), 100, draw), batches(len(other), 100, draw)
    for step in range(total):
        progress = step / total
        for group in optimiser.param_groups:
            group["lr"] = group["speed"] * rate * (1 - progress)
        rows = next(ours)
        source, target = encoder(x[rows]), encoder(other[next(theirs)])
        loss = functional.cross_entropy(head(source), y[rows])
        if method == "dann":
            strength = 0.2 * (2 / (1 + math.exp(-10 * progress)) - 1)
            for features, answer in ((source, 0.0), (target, 1.0)):
                said = domain(Reversed.apply(features, strength))
                loss = loss + 0.5 * functional.binary_cross_entropy_with_logits(
                    said, torch.full_like(said, answer))
        elif method in ("mmd", "coral"):
            loss = loss + globals()[method](source, target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x, y = read(folder / "test.tsv", "label")
    return 100 * (head(encoder(x)).argmax(1) == y).float().mean().item()


def student(folder, seed, soft):
    x, y = read(folder / ("many.tsv" if soft else "few.tsv"),
                None if soft else "label")
    x, said = x[:, :tables.INPUTS], x[:, tables.INPUTS:]
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    model = torch.nn.Sequential(layer(16, 64, 0.35), torch.nn.ReLU(),
                                layer(64, 4, 0.18))
    optimiser = torch.optim.Adam(model.parameters())
    total = (10 if soft else 500) * len(x) // 50
    order = batches(len(x), 50, draw)
    for step in range(total):
        optimiser.param_groups[0]["lr"] = 5e-3 * (1 - step / total)
        rows = next(order)
        logits = model(x[rows])
        loss = (functional.kl_div((logits / 2).log_softmax(1),
                                  (said[rows] / 2).softmax(1),
                                  reduction="batchmean") * 4 if soft else
                functional.cross_entropy(logits, y[rows]))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x, y = read(folder / "test.tsv", "label")
    return 100 * (model(x).argmax(1) == y).float().mean().item()


def project(losses, shared):
    """Leaves of each loss the part of its gradient that is normal to the other's."""
    parts = [torch.autograd.grad(loss, shared, retain_graph=True)[0]
             for loss in losses]
    products = [(g * h).sum() for g in parts for h in parts]
    against = (-products[1]).clamp(min=0)
    return sum((1 + against / length) * part
               for part, length in zip(parts, (products[0], products[3])))


def tasks(folder, seed, rho, width, method):
    """The error of the first of two tasks; a single feature has heads of 1."""
    tables.write_tasks(folder, seed, rho)
    (x, y), (u, z), (test, answers) = (
        (rows[:, :-1], rows[:, -1:]) for rows, _ in
        (read(folder / f"{name}.tsv") for name in ("first", "second", "test")))
    torch.manual_seed(seed)
    draw = torch.Generator().manual_seed(seed)
    encoder = layer(tables.INPUTS, width, 0.1).weight
    heads = [layer(width, 1, 0.3).weight for _ in range(2)]
    if width == 1:
        heads = [torch.ones(1, 1, requires_grad=True) for _ in range(2)]
    first, second = heads[0], heads[method != "one_head"]
    optimiser = torch.optim.Adam([encoder, *heads])
    order = batches(len(u), 50, draw)
    for step in range(400):
        optimiser.param_groups[0]["lr"] = 1e-2 * (1 - step / 400)
        rows = next(order)
        losses = [functional.mse_loss(numbers @ encoder.T @ head.T, wanted)
                  for numbers, head, wanted in ((x, first, y),
                                                (u[rows], second, z[rows]))]
        optimiser.zero_grad()
        slope = project(losses, encoder) if method == "pcgrad" else None
        (losses[0] + (method != "alone") * losses[1]).backward()
        if slope is not None:
            encoder.grad = slope
        optimiser.step()
    return functional.mse_loss(test @ encoder.T @ first.T, answers).item()


TASKS = {(1, 1): ("alone", "shared"), (1, 0): ("shared",),
         (2, -1): ("alone", "shared", "pcgrad", "one_head")}


def waves(net, x):
    """Of a network per seed (or per seed and order), what it says of rows of its own."""
    for i in range(0, 6, 2):
        x = torch.baddbmm(net[i + 1], x, net[i])
        x = torch.relu(x) if i < 4 else x
    return x


def wave_loss(net, points):
    return ((waves(net, points[..., :1]) - points[..., 1:])**2).mean((1, 2))


def after_steps(net, points, second=None):
    """Where steps on these points lead; derivatives pass through them where `second`."""
    for _ in range(INNER_STEPS):
        slopes = torch.autograd.grad(wave_loss(net, points).sum(), net,
                                     create_graph=second is not None)
        if second is not None:
            slopes = [torch.where(second, slope, slope.detach())
                      for slope in slopes]
        net = [value - INNER_RATE * slope for value, slope in zip(net, slopes)]
    return net


def train_waves(start, batches, second=None):
    """The networks, each after steps of Adam on batches of its own."""
    net = [value.clone().requires_grad_() for value in start]
    optimiser = torch.optim.Adam(net)
    for step in range(SINE_STEPS):
        optimiser.param_groups[0]["lr"] = SINE_RATE * (1 - step / SINE_STEPS)
        points = next(batches)
        if second is None:
            loss = wave_loss(net, points)
        else:
            loss = wave_loss(after_steps(net, points[:, :10], second),
                             points[:, 10:])
        optimiser.zero_grad()
        loss.sum().backward()
        if second is not None:  # each network by its own norm
            norm = sum((value.grad**2).sum((1, 2)) for value in net).sqrt()
            for value in net:
                value.grad /= norm.clamp(min=1)[:, None, None]
        optimiser.step()
    return [value.detach().requires_grad_() for value in net]


def sine(folder):
    tasks, new, query = [], [], []
    for seed in range(5):
        tables.write_sine(folder, seed)

        def points(name):
            x, _ = read(folder / f"{name}.tsv", "task")
            return x

        tasks.append(points("tasks").reshape(tables.WAVES, 20, 2))
        new.append([points(f"new_{i}") for i in range(tables.NEW_WAVES)])
        query.append([points(f"new_{i}_query") for i in range(tables.NEW_WAVES)])
    tasks = torch.stack(tasks)
    draw = torch.Generator().manual_seed(1)
    start = []
    for width, height, deviation in ((1, 40, 1.0), (40, 40, 0.22), (40, 1, 0.16)):
        start += [deviation * torch.randn(5, width, height, generator=draw),
                  torch.zeros(5, 1, height)]
    seeds = torch.arange(5)[:, None]

    def of_one_task():
        while True:
            rounds = torch.stack([torch.randperm(tables.WAVES, generator=draw)
                                  for _ in range(5)])
            for i in range(tables.WAVES):
                rows = torch.stack([torch.randperm(20, generator=draw)
                                    for _ in range(5)])
                yield tasks[seeds, rounds[:, i:i + 1], rows].repeat(2, 1, 1)

    def of_any():
        everything = tasks.reshape(5, -1, 2)
        while True:
            yield everything[seeds, torch.randint(
                everything.shape[1], (5, 20), generator=draw)]

    second = (torch.arange(10) >= 5)[:, None, None]
    meta = train_waves([value.repeat(2, 1, 1) for value in start], of_one_task(),
                       second)
    joint = train_waves(start, of_any())
    found = {}
    for name, net in (("first", [value[:5] for value in meta]),
                      ("second", [value[5:] for value in meta]), ("joint", joint)):
        errors = []
        for i in range(tables.NEW_WAVES):
            net = [value.detach().requires_grad_() for value in net]
            fast = after_steps(net, torch.stack([each[i] for each in new]))
            errors.append(wave_loss(fast, torch.stack([each[i] for each in query])))
        found[name] = [round(value, 3)
                       for value in torch.stack(errors).mean(0).tolist()]
    return found


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    measured = {"moons": {method: [round(moons(folder, seed, method), 1)
                                   for seed in range(5)] for method in MOONS}}
    students = []
    for seed in range(5):
        tables.write_teacher(folder, seed)
        students.append([round(student(folder, seed, soft), 1)
                         for soft in (False, True)])
    measured["teacher"] = {"labels": [pair[0] for pair in students],
                           "soft": [pair[1] for pair in students]}
    measured["tasks"] = {
        f"{name} {rho}": [round(tasks(folder, seed, rho, width, name), 3)
                          for seed in range(5)]
        for (width, rho), names in TASKS.items() for name in names}
    measured["sine"] = sine(folder)
    print(json.dumps(measured, indent=1))


if __name__ == "__main__":
    main()
