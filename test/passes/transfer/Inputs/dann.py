# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""One step of domain-adversarial training in PyTorch and Transformers.

    dann.py make DIR STRENGTH       inputs of both parts of models/strategies/dann.mlir
                                    on tiny_bert.mlir, and the gradients of PyTorch
    dann.py merge DIR GOT           inputs of the second part: the gradients of the first
    dann.py compare DIR GOT...      says how many tensors agree
    dann.py shares DIR A B          says how many gradients of GOT files A and B are
                                    equal, and how many have another sign

The reversal is a torch.autograd.Function, as papers and trainers write it.
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file

sys.path.insert(0, str(pathlib.Path(__file__).parent))
TOLERANCE = 1e-4
LENGTHS = {"source": [3, 5, 1], "target": [2, 4]}


class Reverse(torch.autograd.Function):
    @staticmethod
    def forward(context, x, strength):
        context.strength = strength
        return x.clone()

    @staticmethod
    def backward(context, gradient):
        return -context.strength * gradient, None


def batch(lengths):
    mask = torch.arange(max(lengths))[None] < torch.tensor(lengths)[:, None]
    # Transformers gives the embedding of id 0, which pads, no gradient.
    ids = torch.randint(1, 16, mask.shape)
    types = torch.randint(2, mask.shape)
    return mask, ids, types


def packed(mask, ids, types, lengths, strength):
    return {"ids": ids[mask].int(), "types": types[mask].int(),
            "segments.offsets": torch.tensor([0] + lengths).cumsum(0).int(),
            "total": torch.tensor(float(len(lengths))),
            "factor0": torch.tensor(-strength)}


def make(folder, strength):
    from pytorch_step import build, ours
    strength = float(strength)
    model = build().double().eval()
    domain = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.ReLU(),
                                 torch.nn.Linear(8, 1)).double()
    names = {"0": "hidden", "2": "output"}
    weights = {ours(n): p for n, p in model.named_parameters()} | {
        f"domain::{names[n[0]]}{n[1:]}": p for n, p in domain.named_parameters()}
    shared = {name: value.detach().float() for name, value in weights.items()}
    shared |= {name + ".gradient": torch.zeros_like(value)
               for name, value in shared.items()}
    labels = torch.tensor([2, 0, 1])
    loss = 0
    for stream, target in (("source", 0.0), ("target", 1.0)):
        mask, ids, types = batch(LENGTHS[stream])
        inputs = packed(mask, ids, types, LENGTHS[stream], strength)
        if stream == "source":
            inputs["labels"] = labels.int()
        save_file(shared | inputs, f"{folder}/{stream}.safetensors")
        pooled = model.bert(input_ids=ids * mask, token_type_ids=types * mask,
                            attention_mask=mask.int()).pooler_output
        told = domain(Reverse.apply(pooled, strength))
        loss = loss + 0.5 * torch.nn.functional.binary_cross_entropy_with_logits(
            told, torch.full_like(told, target))
        if stream == "source":
            loss = loss + torch.nn.functional.cross_entropy(
                model.classifier(pooled), labels)
    loss.backward()
    save_file({name + ".gradient": value.grad for name, value in weights.items()},
              f"{folder}/wanted.safetensors")


def merge(folder, got):
    inputs = load_file(f"{folder}/target.safetensors")
    save_file(inputs | {name: value for name, value in load_file(got).items()
                        if name.endswith(".gradient")},
              f"{folder}/target.safetensors")


def compare(folder, *paths):
    wanted = load_file(f"{folder}/wanted.safetensors")
    got = {}
    for path in paths:
        got |= load_file(path)
    for name, value in wanted.items():
        # The bias of a key moves all scores of a query alike.
        error = (got[name].double() - value).norm()
        assert error <= TOLERANCE * max(value.norm(), 1e-3), f"{name}: {error}"
    print(f"{len(wanted)} tensors agree")


def shares(folder, first, second):
    """Of the parameters of the critic and of what is below the reversal."""
    a, b = load_file(first), load_file(second)
    equal = [n for n in a if n.endswith(".gradient") and torch.equal(a[n], b[n])]
    print(f"{sum(n.startswith('domain::') for n in equal)} of the domain equal")
    print(f"{sum(n.startswith('model::classifier') for n in equal)} of the head equal")
    print(f"{sum('layer' in n for n in equal)} of layers equal")


if __name__ == "__main__":
    {"make": make, "merge": merge, "compare": compare,
     "shares": shares}[sys.argv[1]](*sys.argv[2:])
