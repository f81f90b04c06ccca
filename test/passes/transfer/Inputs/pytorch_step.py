# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""One optimiser step of tiny_bert.mlir in PyTorch and Transformers.

    pytorch_step.py make DIR [OPTIMISER] inputs, and what PyTorch makes of them
    pytorch_step.py merge DIR STEP STATE...
                                         feeds of the update, from STEP's output
    pytorch_step.py compare WHAT GOT     "gradients" or "update" of DIR

The batch is padded and masked there, packed in Graft; the recipe is that of
finetune.mlir (decay of matrices alone, clipping) with a rate of 1e-2 so that a
step is large against rounding. OPTIMISER is AdamW (the default), Adam or SGD with
momentum.
"""

import sys

import numpy
from safetensors.numpy import load_file, save_file

LENGTHS = [3, 5, 1]
RATE, DECAY, CLIP = 1e-2, 0.01, 1.0


def ours(name):
    return "model::" + name.removeprefix("bert.")


def build():
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(3)
    model = BertForSequenceClassification(BertConfig(
        vocab_size=16, hidden_size=8, num_hidden_layers=2,
        num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=12, type_vocab_size=2, layer_norm_eps=1e-5,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        num_labels=3))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


def make(folder, optimiser="AdamW"):
    # Slow to load, and not needed by the other commands.
    import torch
    from safetensors.torch import save_file

    model = build()
    weights = {ours(n): p.detach().clone() for n, p in model.named_parameters()}
    longest, count = max(LENGTHS), len(LENGTHS)
    mask = torch.arange(longest)[None] < torch.tensor(LENGTHS)[:, None]
    ids = torch.randint(16, (count, longest))
    types = torch.randint(2, (count, longest))
    labels = torch.tensor([2, 0, 1])
    offsets = torch.tensor([0] + LENGTHS).cumsum(0)
    zeros = {n + ".gradient": torch.zeros_like(p) for n, p in weights.items()}
    save_file(weights | zeros | {
        "ids": ids[mask].int(), "types": types[mask].int(),
        "segments.offsets": offsets.int(), "labels": labels.int(),
        "total": torch.tensor(float(count)),
    }, f"{folder}/inputs.safetensors")

    loss = model(input_ids=ids * mask, token_type_ids=types * mask,
                 attention_mask=mask.int(), labels=labels).loss
    loss.backward()
    gradients = {ours(n) + ".gradient": p.grad.clone()
                 for n, p in model.named_parameters()}
    save_file(gradients | {"loss": loss.detach()},
              f"{folder}/gradients.safetensors")

    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), CLIP)
    assert norm > CLIP, "the step is meant to clip"
    decays = lambda n: n.endswith("weight") and "LayerNorm" not in n
    named = list(model.named_parameters())
    more = {"momentum": 0.9} if optimiser == "SGD" else {}
    getattr(torch.optim, optimiser)([
        {"params": [p for n, p in named if decays(n)], "weight_decay": DECAY},
        {"params": [p for n, p in named if not decays(n)], "weight_decay": 0},
    ], lr=RATE, **more).step()
    save_file({ours(n): p.detach() for n, p in named} | {"norm": norm.detach()},
              f"{folder}/update.safetensors")


def merge(folder, step, *states):
    feeds = load_file(f"{folder}/inputs.safetensors")
    feeds = {n: t for n, t in feeds.items() if n.startswith("model::")}
    feeds |= {n: t for n, t in load_file(step).items() if "::" in n}
    for name in [n for n in feeds if not n.endswith(".gradient")]:
        for state in states:
            feeds[f"{name}.{state}"] = numpy.zeros_like(feeds[name])
    if "velocity" not in states:
        feeds["step"] = numpy.array(1, numpy.int32)
    save_file(feeds | {"rate": numpy.array(RATE, numpy.float32)},
              f"{folder}/feeds.safetensors")


def compare(what, got):
    expected, got = load_file(what), load_file(got)
    worst = 0.0
    for name, tensor in expected.items():
        error = numpy.abs(got[name] - tensor).max()
        bound = 2e-5 * max(1.0, numpy.abs(tensor).max())
        if name.endswith("key.bias"):
            # Softmax does not see it: its gradient is rounding alone, of which
            # AdamW's first step makes a whole step in either direction.
            bound = 2 * RATE
        if not error <= bound:
            sys.exit(f"{name}: expects a difference of at most {bound}, "
                     f"got {error}")
        worst = max(worst, 0 if name.endswith("key.bias") else error)
    print(f"{len(expected)} tensors agree, worst difference {worst:.1e}")


if __name__ == "__main__":
    {"make": make, "merge": merge, "compare": compare}[sys.argv[1]](
        *sys.argv[2:])
