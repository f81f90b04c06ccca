# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Checks what the page prototypes computes of features, in the interpreter.

    prototype_scores.py PAGE FOLDER

With one example of each class the nearest one wins, as among neighbours; the place of
the origin does not matter; a class without an example gets no probability, and no
number is NaN; a row that is one of the examples is compared with the others.
"""

import pathlib
import subprocess
import sys

import torch
from safetensors.torch import load_file

ROWS, CLASSES, WIDTH = 7, 4, 5
TYPES = {"labels": "tensor<?xi32, #S>", "x": "tensor<?x?xf32, #SH>",
         "n": "tensor<?xf32, #N>", "c": "tensor<?x?xf32, #NH>",
         "others": "tensor<?x?xf32, #SN>", "z": "tensor<?x?xf32, #SN>",
         "y": "tensor<?x?xf32, #SH>", "sum": "tensor<?x?xf32, #KH>",
         "count": "tensor<?xf32, #K>", "logits": "tensor<?x?xf32, #SK>",
         "like": "tensor<?xf32, #N>"}


def listed(tensor):
    element = "f32" if tensor.is_floating_point() else "i32"
    return (f"dense<{tensor.tolist()}> : tensor<"
            f"{'x'.join(map(str, tensor.shape))}x{element}>")


class Formulas:
    """What the page computes from the line of one value to that of another."""

    def __init__(self, first, last, page, folder):
        lines = page.read_text().splitlines()
        self.aliases = [line for line in lines if line.startswith("#")]
        begin, end = (next(i for i, line in enumerate(lines)
                           if line.startswith(f"  %{name} = "))
                      for name in (first, last))
        self.body = lines[begin:end + 1]
        self.file, self.output = folder / f"{last}.mlir", folder / f"{last}.out"

    def __call__(self, results, **values):
        arguments = ", ".join(
            f'%{name}: {TYPES[name]} {{graft.name = "{name}", '
            f"graft.value = {listed(value)}}}" for name, value in values.items())
        types = [TYPES[name] for name in results]
        named = ", ".join(f'{type_} {{graft.name = "{name}"}}'
                          for name, type_ in zip(results, types, strict=True))
        self.file.write_text("\n".join([
            *self.aliases, f"func.func @f({arguments}) -> ({named}) {{",
            *self.body,
            f"  return %{', %'.join(results)} : {', '.join(types)}", "}"]) + "\n")
        subprocess.run(["graft-opt", str(self.file), "-o", "/dev/null",
                        "--transfer-expand-formulas",
                        f"--interpret=entry=f output={self.output}"],
                       check=True, stdout=subprocess.DEVNULL)
        told = load_file(self.output)
        assert all(torch.isfinite(told[name]).all() for name in results)
        return [told[name] for name in results]


def main():
    page, folder = map(pathlib.Path, sys.argv[1:])
    means = Formulas("n", "c", page, folder)
    episode = Formulas("d", "z", page, folder)
    predict = Formulas("mean", "logits", page, folder)
    torch.manual_seed(5)
    x, examples = torch.randn(ROWS, WIDTH), torch.randn(CLASSES, WIDTH)
    squares = torch.cdist(x, examples)**2

    def scores(x, sums, counts):
        """Of rows that are no examples: all are of a class that has no other row."""
        labels = torch.full([ROWS], CLASSES)
        n = torch.cat([counts, torch.ones(1)])
        c = torch.cat([sums / counts.clamp(min=1).unsqueeze(1),
                       torch.zeros(1, WIDTH)])
        z, others = episode(["z", "others"], labels=labels, x=x, n=n, c=c)
        assert (others[:, CLASSES] == 0).all()
        return z[:, :CLASSES], others[:, :CLASSES] >= 1

    def logits(x, sums, counts):
        return predict(["logits"], y=x, sum=sums, count=counts)[0]

    one = torch.ones(CLASSES)
    z, has = scores(x, examples, one)
    nearest = squares.argmin(1)
    assert len(set(nearest.tolist())) > 1 and has.all()
    assert torch.allclose(z, -squares, atol=1e-5)
    assert (z.argmax(1) == nearest).all()
    assert (logits(x, examples, one).argmax(1) == nearest).all()
    print("one example: the nearest neighbour")

    away = torch.tensor([3.0, -2.0, 1.0, 0.5, -4.0])
    counts = torch.tensor([2.0, 1.0, 3.0, 5.0])
    sums = counts.unsqueeze(1) * examples
    moved = x + away, sums + counts.unsqueeze(1) * away, counts
    assert torch.allclose(scores(*moved)[0], -squares, atol=1e-4)
    assert torch.allclose(logits(*moved).softmax(1), (-squares).softmax(1),
                          atol=1e-4)
    print("another origin: the same")

    counts[1], sums[1] = 0, 0
    z, has = scores(x, sums, counts)
    present = [0, 2, 3]
    assert not has[:, 1].any()
    for p in (z.softmax(1), logits(x, sums, counts).softmax(1)):
        assert (p[:, 1] == 0).all()
        assert torch.allclose(p[:, present], (-squares[:, present]).softmax(1),
                              atol=1e-5)
    print("a class without an example: not predicted")

    labels = torch.tensor([0, 0, 0, 1, 2, 2, 3])
    n, c = means(["n", "c"], labels=labels, x=x, like=one)
    z, others = episode(["z", "others"], labels=labels, x=x, n=n, c=c)
    for i in range(ROWS):
        for k in range(CLASSES):
            rest = [j for j in range(ROWS) if labels[j] == k and j != i]
            assert others[i, k] == len(rest)
            want = (-(x[i] - x[rest].mean(0)).square().sum()
                    if rest else torch.tensor(-1e30))
            assert torch.allclose(z[i, k], want, atol=1e-5), (i, k, z[i, k], want)
    print("a row among the examples: compared with the others")


if __name__ == "__main__":
    main()
