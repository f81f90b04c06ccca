# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Losses that relate the examples of a batch, in PyTorch.

    set_losses.py make DIR KIND     inputs of set_losses.mlir or contrastive.mlir,
                                    and the loss and gradients of PyTorch
    set_losses.py compare DIR GOT   says how many tensors of GOT agree
    set_losses.py points DIR CASE   inputs of golden.mlir: rows of words are points

KIND is mmd, coral or contrastive. The formulas are written as their papers have
them, in float64, and share nothing with the compiler's.
"""

import sys

import torch
from safetensors.torch import load_file, save_file

LENGTHS = {"source": [3, 5, 1, 2, 4], "target": [2, 2, 3]}
TOLERANCE = 1e-5


def mmd(a, b):
    both = torch.cat([a, b])
    squared = torch.cdist(both, both, compute_mode="donot_use_mm_for_euclid_dist") ** 2
    count = len(both)
    width = (squared.sum() / (count * (count - 1))).detach()
    kernel = sum(torch.exp(-squared / (width * w)) for w in (0.25, 0.5, 1, 2, 4))
    n = len(a)
    return (kernel[:n, :n].mean() + kernel[n:, n:].mean()
            - 2 * kernel[:n, n:].mean())


def coral(a, b):
    difference = torch.cov(a.T) - torch.cov(b.T)
    return (difference ** 2).sum() / (4 * a.shape[1] ** 2)


def contrastive(a, b):
    scores = torch.nn.functional.cosine_similarity(a[:, None], b[None], dim=2)
    return torch.nn.functional.cross_entropy(scores / 0.05, torch.arange(len(a)))


def batch(stream, inputs):
    """The ids of each text, which become inputs of the entry, too."""
    lengths = LENGTHS[stream]
    ids = torch.randint(16, (sum(lengths),))
    prefix = "" if stream == "source" else stream + "."
    inputs[prefix + "ids"] = ids.int()
    inputs[prefix + "segments.offsets"] = torch.tensor([0] + lengths).cumsum(0).int()
    inputs[prefix + "total"] = torch.tensor(float(len(lengths)))
    return ids.split(lengths)


def make(folder, kind):
    torch.manual_seed(5)
    weights = {"words": torch.randn(16, 4)}
    if kind == "contrastive":
        weights["view"] = torch.randn(4, 4)
    inputs = {}
    parameters = {name: value.double().requires_grad_()
                  for name, value in weights.items()}
    pooled = lambda texts: torch.stack(
        [parameters["words"][ids].mean(0) for ids in texts])
    a = pooled(batch("source", inputs))
    if kind == "contrastive":
        loss = contrastive(a, a @ parameters["view"].T)
    else:
        a, b = a.tanh(), pooled(batch("target", inputs)).tanh()
        loss = ((a ** 2).mean() + ((b - 1) ** 2).mean()
                + 3 * {"mmd": mmd, "coral": coral}[kind](a, b))
    loss.backward()
    for name, value in weights.items():
        inputs["model::" + name] = value
        inputs["model::" + name + ".gradient"] = torch.zeros_like(value)
    save_file(inputs, f"{folder}/inputs.safetensors")
    save_file({"loss": loss.detach()} | {
        f"model::{name}.gradient": value.grad
        for name, value in parameters.items()}, f"{folder}/wanted.safetensors")


# Points of the plane for @source, and for @target where there is one.
ROOT3 = 3 ** 0.5
DIAGONAL = [(0.5 * ROOT3 * x, ROOT3 * y) for x in (-1, 1) for y in (-1, 1)]
ROUND = [(0.5 * ROOT3 * x, 0.5 * ROOT3 * y) for x in (-1, 1) for y in (-1, 1)]
CASES = {
    # Covariances diag(1, 4) and 1: 9 / 16.
    "covariances": (DIAGONAL, ROUND),
    "shifted": ([(x + 7, y - 3) for x, y in DIAGONAL], ROUND),
    "equal": (DIAGONAL, DIAGONAL),
    "twice": (ROUND, ROUND + ROUND),
    # Two points at distance 2: the mean squared distance is 4.
    "two": ([(0, 0)], [(0, 2)]),
    "swapped": ([(0, 2)], [(0, 0)]),
    "alone": (DIAGONAL,),
}


def points(folder, case):
    words, inputs = torch.zeros(16, 2), {}
    first = 0
    for stream, rows in zip(("", "target."), CASES[case]):
        count = len(rows)
        words[first:first + count] = torch.tensor(rows, dtype=torch.float32)
        inputs[stream + "ids"] = torch.arange(first, first + count).int()
        inputs[stream + "segments.offsets"] = torch.arange(count + 1).int()
        inputs[stream + "total"] = torch.tensor(float(count))
        first += count
    save_file(inputs | {"model::words": words,
                        "model::words.gradient": torch.zeros(16, 2)},
              f"{folder}/{case}.safetensors")


def compare(folder, path):
    wanted, got = load_file(f"{folder}/wanted.safetensors"), load_file(path)
    for name, value in wanted.items():
        error = (got[name].double() - value).norm() / value.norm()
        assert error < TOLERANCE, f"{name}: relative error {error}"
    print(f"{len(wanted)} tensors agree")


if __name__ == "__main__":
    {"make": make, "compare": compare, "points": points}[sys.argv[1]](*sys.argv[2:])
