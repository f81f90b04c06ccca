# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Trains as models/strategies/lora.mlir says, without dropout, in PyTorch and
Transformers, with low-rank adapters written by hand, and compares the losses with
Graft's.

    lora.py FOLDER START GOT EXPORTED

START and GOT are as in phases.py. EXPORTED is the directory that Graft has exported:
its matrices are those of PyTorch with the adapters added, and all but these and the
head are the bits of the pretrained model.
"""

import math
import pathlib
import sys

import torch
from safetensors.torch import load_file
from torch.nn import functional

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import phases

PASSES, RATE, DECAY, RANK, ALPHA = 3, 1e-3, 0.01, 8, 16.0
TOLERANCE = 2e-5


class Adapted(torch.nn.Module):
    def __init__(self, linear, a, b):
        super().__init__()
        self.linear, self.a, self.b = linear, a, b

    def forward(self, x):
        return self.linear(x) + ALPHA / RANK * (x @ self.a.T) @ self.b.T


def adapt(model, begun):
    adapters = {}
    for i, layer in enumerate(model.bert.encoder.layer):
        for name in ("query", "value"):
            path = f"encoder.layer.{i}.attention.self.{name}"
            a, b = (begun[f"model.{path}.lora_{which}"].clone().requires_grad_()
                    for which in "ab")
            assert a.shape[0] == RANK and not b.any() and a.std() > 0
            adapted = Adapted(getattr(layer.attention.self, name), a, b)
            setattr(layer.attention.self, name, adapted)
            adapters[path + ".weight"] = adapted
    return adapters


def train(folder, model, adapters):
    source = phases.Texts(folder / "train.tsv", phases.vocabulary(folder))
    learned = [p for adapted in adapters.values() for p in (adapted.a, adapted.b)]
    learned += list(model.classifier.parameters())
    phase = phases.Phase(learned, lambda parameters: torch.optim.AdamW(
        parameters, weight_decay=DECAY), phases.CLIP)
    steps = PASSES * math.ceil(len(source.rows) / phases.BATCH)
    for done in range(steps):
        ids, answers = source.batch()
        logits = model(input_ids=ids, attention_mask=(ids != 0).int()).logits
        loss = functional.cross_entropy(logits, answers)
        if done == 0:
            for adapted in adapters.values():
                gradient = torch.autograd.grad(loss, adapted.a,
                                               retain_graph=True)[0]
                assert not gradient.any()  # B is zero
        yield "", done + 1, phase.turn(loss, RATE * (steps - done) / steps)


def check_exported(folder, exported, model, adapters):
    base = load_file(folder / "model" / "model.safetensors")
    same = merged = 0
    for name, value in load_file(exported / "model.safetensors").items():
        name = name.removeprefix("bert.")
        if name in adapters:
            adapted = adapters[name]
            wanted = adapted.linear.weight + ALPHA / RANK * adapted.b @ adapted.a
            assert not torch.equal(value, base[name])
            assert torch.allclose(value, wanted, rtol=0, atol=1e-5), name
            merged += 1
        elif not name.startswith("classifier."):
            assert torch.equal(value, base[name]), name
            same += 1
    print(f"{merged} matrices merged, {same} tensors as they were")


def main():
    folder, start, got, exported = map(pathlib.Path, sys.argv[1:])
    model, begun = phases.build(folder, start, "model")
    adapters = adapt(model, begun)
    phases.compare(train(folder, model, adapters), got, ("",), TOLERANCE)
    check_exported(folder, exported, model, adapters)


if __name__ == "__main__":
    main()
