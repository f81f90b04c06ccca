#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Writes goldens.safetensors: what PyTorch computes for goldens.mlir.

    test/passes/interpret/goldens.py [goldens.safetensors]

Each function of goldens.mlir is a case; its arguments and expected results are
the tensors <case>.<name>. PyTorch works in double from inputs that are floats,
so that expected values are exact to the rounding of the stored float.
"""

import os
import sys

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(1)
LENGTHS = [3, 1, 4]
T, S, H, HEADS, K = sum(LENGTHS), len(LENGTHS), 8, 2, 5
OFFSETS = torch.tensor([0, 3, 4, 8], dtype=torch.int32)
tensors = {}


def rand(*shape):
    """Normal floats, held in double."""
    return torch.randn(*shape).double()


def save(case, **values):
    for name, value in values.items():
        if value.is_floating_point() and value.dtype not in (
                torch.float16, torch.bfloat16):
            value = value.float()
        if value.dtype == torch.int64:
            value = value.int()
        tensors[f"{case}.{name}"] = value.detach().contiguous().clone()


def forward_and_gradients(case, function, inputs, **fixed):
    """Saves y = function(inputs) and the gradients of sum(y * c)."""
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = function(**leaves)
    c = rand(*y.shape)
    (y * c).sum().backward()
    grads = {"d" + k: v.grad for k, v in leaves.items()}
    save(case, c=c, y=y, **inputs, **grads, **fixed)


def second_gradients(case, function, inputs, **fixed):
    """Saves the gradients of the sum of u times those of sum(y * c)."""
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = function(**leaves)
    c = rand(*y.shape).requires_grad_()
    first = torch.autograd.grad((y * c).sum(), list(leaves.values()),
                                create_graph=True)
    u = [rand(*x.shape) for x in first]
    leaves["c"] = c
    second = torch.autograd.grad(sum((x * y).sum() for x, y in zip(first, u)),
                                 list(leaves.values()))
    save(case, c=c, **inputs, **fixed,
         **{"u_" + name: value for name, value in zip(inputs, u)},
         **{"d" + name: value for name, value in zip(leaves, second)})


def rows(x):
    """The sequences of a packed matrix."""
    return torch.split(x, LENGTHS)


def attention(q, k, v):
    """As a padded batch with a mask, the way frameworks do it."""
    longest = max(LENGTHS)

    def pad(x):
        x = torch.nn.utils.rnn.pad_sequence(rows(x), batch_first=True)
        return x.view(S, longest, HEADS, H // HEADS).transpose(1, 2)

    mask = torch.arange(longest)[None, :] < torch.tensor(LENGTHS)[:, None]
    y = F.scaled_dot_product_attention(
        pad(q), pad(k), pad(v), attn_mask=mask[:, None, None, :])
    y = y.transpose(1, 2).reshape(S, longest, H)
    return torch.cat([y[i, :n] for i, n in enumerate(LENGTHS)])


def relation_divergence(kind, q, k, target_q, target_k):
    """As a padded batch with masks, the way frameworks do it."""
    longest, lengths = max(LENGTHS), torch.tensor(LENGTHS)

    def scores(left, right):
        left, right = (
            torch.nn.utils.rnn.pad_sequence(rows(x), batch_first=True)
            .view(S, longest, HEADS, -1).transpose(1, 2) for x in (left, right))
        return left @ right.transpose(2, 3) / left.shape[-1] ** 0.5

    mask = (torch.arange(longest)[None, :] < lengths[:, None]).double()
    pairs = (mask[:, None, :] * mask[:, :, None])[:, None]
    a, b = scores(q, k), scores(target_q, target_k)
    if kind == "mse":
        return (pairs * (a - b) ** 2).sum((1, 2, 3)) / (HEADS * lengths ** 2)
    a, b = ((x + (pairs - 1) * 1e9).log_softmax(-1) for x in (a, b))
    kl = F.kl_div(a, b, reduction="none", log_target=True)
    return (pairs * kl).sum((1, 2, 3)) / (HEADS * lengths)


def relations():
    target = {"tq": rand(T, 12) * 2, "tk": rand(T, 12) * 2}
    for kind in ("kl", "mse"):
        forward_and_gradients(
            "relation_" + kind,
            lambda q, k: relation_divergence(kind, q, k, target["tq"], target["tk"]),
            {"q": rand(T, H) * 2, "k": rand(T, H) * 2},
            **target, **{"seq.offsets": OFFSETS})
        forward_and_gradients(
            f"relation_{kind}_of_one",
            lambda q: relation_divergence(kind, q, q, target["tq"], target["tq"]),
            {"q": rand(T, H)}, tq=target["tq"], **{"seq.offsets": OFFSETS})


def layers():
    x, w, b = rand(T, H), rand(K, H), rand(K)
    forward_and_gradients("linear", F.linear, {"input": x, "weight": w, "bias": b})
    for name, left, right in [("nn", 0, 0), ("tn", 1, 0), ("nt", 0, 1), ("tt", 1, 1)]:
        lhs, rhs = rand(*((3, 4)[::-1] if left else (3, 4))), rand(*((4, 5)[::-1] if right else (4, 5)))
        forward_and_gradients(
            "matmul_" + name,
            lambda lhs, rhs: (lhs.T if left else lhs) @ (rhs.T if right else rhs),
            {"lhs": lhs, "rhs": rhs})
    forward_and_gradients(
        "layer_norm",
        lambda x, scale, shift: F.layer_norm(x, (H,), scale, shift, eps=1e-5),
        {"x": rand(T, H), "scale": rand(H), "shift": rand(H)})
    x = rand(4, H) * 3
    forward_and_gradients("gelu_erf", lambda x: F.gelu(x), {"x": x})
    forward_and_gradients("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), {"x": x})
    forward_and_gradients("softmax", lambda x: F.softmax(x, -1), {"x": x})
    forward_and_gradients("log_softmax", lambda x: F.log_softmax(x, -1), {"x": x})
    forward_and_gradients(
        "attention", attention,
        {"q": rand(T, H) * 2, "k": rand(T, H) * 2, "v": rand(T, H)},
        **{"seq.offsets": OFFSETS})
    ids = torch.tensor([4, 0, 4, 1])
    forward_and_gradients(
        "embedding", lambda table: F.embedding(ids, table), {"table": rand(6, 3)},
        ids=ids)
    x = rand(T, H)
    pools = {
        "first": lambda s: s[0], "mean": lambda s: s.mean(0),
        "max": lambda s: s.max(0).values}
    for kind, pool in pools.items():
        forward_and_gradients(
            "pool_" + kind, lambda x: torch.stack([pool(s) for s in rows(x)]),
            {"x": x}, **{"seq.offsets": OFFSETS})


def losses():
    z, labels = rand(4, K) * 2, torch.tensor([1, -100, 4, 0])
    forward_and_gradients(
        "cross_entropy",
        lambda z: F.cross_entropy(z, labels, reduction="none", ignore_index=-100),
        {"z": z}, labels=labels)
    forward_and_gradients(
        "cross_entropy_smooth",
        lambda z: F.cross_entropy(z, labels, reduction="none", ignore_index=-100,
                                  label_smoothing=0.125),
        {"z": z}, labels=labels)
    forward_and_gradients(
        "mse", lambda p, t: F.mse_loss(p, t, reduction="none").mean(1),
        {"p": rand(3, K), "t": rand(3, K)})
    forward_and_gradients(
        "binary_cross_entropy",
        lambda z, t: F.binary_cross_entropy_with_logits(z, t, reduction="none").mean(1),
        {"z": rand(3, K) * 4, "t": torch.rand(3, K).double()})
    target = rand(3, K) * 2
    forward_and_gradients(
        "kl_divergence",
        lambda z: 4 * F.kl_div(F.log_softmax(z / 2, -1), F.log_softmax(target / 2, -1),
                               reduction="none", log_target=True).sum(1),
        {"z": rand(3, K) * 2}, t=target)


def elementwise():
    x, y = rand(3, 4), rand(3, 4)
    forward_and_gradients("sub_div_max", lambda x, y0: torch.max(x - y0, x / y0),
                          {"x": x, "y0": y})
    p = rand(3, 4).abs() + 0.5
    forward_and_gradients("exp_log_sqrt", lambda x: torch.exp(x) + torch.log(x) * torch.sqrt(x),
                          {"x": p})
    x[0, 0] = 0
    forward_and_gradients("tanh_sigmoid_relu",
                          lambda x: torch.tanh(x) * torch.sigmoid(x) + torch.relu(x),
                          {"x": x})
    i = torch.tensor([2, 0, 2])
    forward_and_gradients(
        "shapes",
        lambda x, u: torch.cat([x.T[:, 1:3], x.T[:, 0:1]], 1).index_add(0, i, u)[i],
        {"x": rand(3, 4), "u": rand(3, 3)}, i=i)
    x = rand(2, 3, 4)
    save("reduce", x=x, sum=x.sum((0, 2)), max=x.amax(1), all=x.sum())
    x = torch.tensor([1.00048828125, 65519.0, 1e-8, -3.14159274, 70000.0]).double()
    save("cast", x=x, half=x.to(torch.float16), brain=x.to(torch.bfloat16))


def optimizer():
    w = torch.nn.Parameter(rand(6))
    steps = [rand(6) for _ in range(3)]
    save("adamw", w=w, g1=steps[0], g2=steps[1], g3=steps[2])
    adamw = torch.optim.AdamW([w], lr=0.01, betas=(0.875, 0.984375), eps=2.0**-20,
                              weight_decay=0.0625)
    norms = []
    for g in steps:
        w.grad = g.clone()
        norms.append(torch.nn.utils.clip_grad_norm_([w], 2.0))
        adamw.step()
    state = adamw.state[w]
    save("adamw", w3=w, m3=state["exp_avg"], v3=state["exp_avg_sq"], norm=norms[2])
    three_steps("sgd", torch.optim.SGD, lr=0.125, weight_decay=0.0625)
    three_steps("momentum", torch.optim.SGD, lr=0.125, weight_decay=0.0625,
                momentum=0.875)
    three_steps("nesterov", torch.optim.SGD, lr=0.125, momentum=0.875,
                nesterov=True)
    three_steps("adam", torch.optim.Adam, lr=0.125, betas=(0.875, 0.984375),
                eps=2.0**-20, weight_decay=0.0625)
    three_steps("lamb", Lamb, lr=0.125, betas=(0.875, 0.984375), eps=2.0**-20,
                weight_decay=0.0625)


class Lamb(torch.optim.Optimizer):
    """Algorithm 2 of You et al. 2020, of which PyTorch has none."""

    def __init__(self, parameters, lr, betas, eps, weight_decay):
        super().__init__(parameters, {"lr": lr, "betas": betas, "eps": eps,
                                      "weight_decay": weight_decay})

    def step(self):
        for group in self.param_groups:
            beta1, beta2 = group["betas"]
            for w in group["params"]:
                state = self.state[w]
                state.setdefault("t", 0)
                state["t"] += 1
                m = state["m"] = (beta1 * state.get("m", 0)
                                  + (1 - beta1) * w.grad)
                v = state["v"] = (beta2 * state.get("v", 0)
                                  + (1 - beta2) * w.grad ** 2)
                u = ((m / (1 - beta1 ** state["t"]))
                     / ((v / (1 - beta2 ** state["t"])).sqrt() + group["eps"])
                     + group["weight_decay"] * w.detach())
                ratio = w.detach().norm() / u.norm()
                w.data -= group["lr"] * ratio * u


def three_steps(case, kind, **settings):
    w = torch.nn.Parameter(rand(6))
    steps = [rand(6) for _ in range(3)]
    save(case, w=w, g1=steps[0], g2=steps[1], g3=steps[2])
    optimizer = kind([w], **settings)
    for g in steps:
        w.grad = g.clone()
        optimizer.step()
    save(case, w3=w)


def seconds():
    seq = {"seq.offsets": OFFSETS}
    shift = rand(H)
    second_gradients(
        "second_layer_norm",
        lambda x, scale: F.layer_norm(x, (H,), scale, shift, eps=1e-5),
        {"x": rand(T, H), "scale": rand(H)}, shift=shift)
    second_gradients("second_gelu_tanh", lambda x: F.gelu(x, approximate="tanh"),
                     {"x": rand(4, H) * 2})
    second_gradients("second_attention", attention_rows,
                     {"q": rand(T, H) * 2, "k": rand(T, H) * 2, "v": rand(T, H)},
                     **seq)
    second_gradients(
        "second_pool_max",
        lambda x: torch.stack([s.max(0).values for s in rows(x)]) ** 2,
        {"x": rand(T, H)}, **seq)
    # Two elements of a row share its maximum.
    x = rand(3, 4)
    x[1, 0] = x[1, 2] = 3
    second_gradients("second_reduce_max", lambda x: x.amax(1) ** 2, {"x": x})
    labels = torch.tensor([1, -100, 4, 0])
    second_gradients(
        "second_cross_entropy",
        lambda z: F.cross_entropy(z, labels, reduction="none", ignore_index=-100,
                                  label_smoothing=0.125),
        {"z": rand(4, K) * 2}, labels=labels)
    target = {"tq": rand(T, 12) * 2, "tk": rand(T, 12) * 2}
    for kind in ("kl", "mse"):
        second_gradients(
            "second_relation_" + kind,
            lambda q, k: relation_divergence(kind, q, k, target["tq"], target["tk"]),
            {"q": rand(T, H) * 2, "k": rand(T, H) * 2}, **target, **seq)


def attention_rows(q, k, v):
    """One sequence and head at a time, of ops that have derivatives of any order."""
    def attend(q, k, v):
        return (q @ k.T / q.shape[1] ** 0.5).softmax(-1) @ v

    return torch.cat([
        torch.cat([attend(*parts) for parts in zip(*(
            x.split(H // HEADS, 1) for x in sequence))], 1)
        for sequence in zip(rows(q), rows(k), rows(v))])


def hessian():
    """A layer of BERT: forward mode over the gradient gives the product."""
    wide, words = 12, 7
    ids = torch.tensor([3, 0, 6, 2, 3, 5, 1, 1])
    labels = torch.tensor([1, -100, 4])
    shapes = {"words": (words, H), "places": (max(LENGTHS), H)}
    norm = lambda i: {f"scale{i}": (H,), f"shift{i}": (H,)}
    dense = lambda name, out, width: {name: (out, width), name + "_bias": (out,)}
    shapes |= norm(0)
    for name in ("query", "key", "value", "dense"):
        shapes |= dense(name, H, H)
    shapes |= norm(1) | dense("wide", wide, H) | dense("narrow", H, wide) | norm(2)
    shapes |= dense("pooler", H, H) | dense("classifier", K, H)
    parameters = {name: rand(*shape) / 2 for name, shape in shapes.items()}
    u = {name: rand(*shape) / 2 for name, shape in shapes.items()}

    def loss(p):
        linear = lambda x, name: F.linear(x, p[name], p[name + "_bias"])
        norm = lambda x, i: F.layer_norm(x, (H,), p[f"scale{i}"], p[f"shift{i}"], 1e-12)
        places = torch.cat([torch.arange(n) for n in LENGTHS])
        x = norm(F.embedding(ids, p["words"]) + F.embedding(places, p["places"]), 0)
        context = attention_rows(*(linear(x, name) for name in ("query", "key", "value")))
        y = norm(linear(context, "dense") + x, 1)
        z = norm(linear(F.gelu(linear(y, "wide")), "narrow") + y, 2)
        pooled = torch.tanh(linear(torch.stack([s[0] for s in rows(z)]), "pooler"))
        return F.cross_entropy(linear(pooled, "classifier"), labels, reduction="sum",
                               ignore_index=-100)

    _, product = torch.func.jvp(torch.func.grad(loss), (parameters,), (u,))
    save("hessian", ids=ids, labels=labels, loss=loss(parameters), **parameters,
         **{"seq.offsets": OFFSETS},
         **{"u_" + name: value for name, value in u.items()},
         **{"h_" + name: value for name, value in product.items()})


def classes():
    """Sums of the features of each class, where a label may be missing."""
    labels = torch.tensor([1, -100, 4, 0, 1])
    known = labels != -100
    rows = torch.zeros(5, K).double()
    rows[known] = F.one_hot(labels[known], K).double()
    save("class_sums", rows=rows)
    forward_and_gradients("class_sums", lambda x: rows.T @ x, {"x": rand(5, H)},
                          labels=labels)


def spectral():
    """By eigenvalues; the second matrix has two that are zero."""
    torch.manual_seed(2)
    for name, rank in ("full", 6), ("singular", 4):
        factor = rand(6, rank).double()
        matrix = (factor @ factor.T).float()
        values, vectors = torch.linalg.eigh(matrix.double())
        counts = values > 1e-5 * values.max()
        of = lambda f: vectors @ torch.diag(torch.where(counts, f(values), torch.zeros(6).double())) @ vectors.T
        save(f"spectral_{name}", m=matrix, root=of(torch.sqrt), inverse=of(torch.reciprocal),
             inverse_root=of(torch.rsqrt))


layers()
losses()
elementwise()
optimizer()
relations()
seconds()
hessian()
classes()
spectral()
default = os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs", "goldens.safetensors")
path = sys.argv[1] if len(sys.argv) > 1 else default
os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
save_file(tensors, path)
print(f"{path}: {len(tensors)} tensors, {os.path.getsize(path)} bytes")
