# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Checks the functions @scores and @logits of the page prototypes, in the interpreter.

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


def listed(tensor):
    return (f"dense<{tensor.tolist()}> : tensor<"
            f"{'x'.join(map(str, tensor.shape))}xf32>")


class Function:
    """A function of the page, whose arguments and parameters are values."""

    def __init__(self, name, page, folder):
        lines = page.read_text().splitlines()
        self.name = name
        self.aliases = [line for line in lines if line.startswith("#")]
        first = next(i for i, line in enumerate(lines)
                     if f"func.func @{name}(" in line)
        self.body = [line for line in lines[first + 1:lines.index("  }", first)]
                     if "graft.read" not in line]
        self.file, self.output = folder / f"{name}.mlir", folder / f"{name}.out"

    def __call__(self, results, size, **values):
        sizes = {"x": "SH", "s": f"{size}H", "n": size, "own": f"S{size}"}
        arguments = ", ".join(
            f"%{name}: tensor<{'?x' * value.dim()}f32, #{sizes[name]}> "
            f'{{graft.name = "{name}", graft.value = {listed(value)}}}'
            for name, value in values.items())
        types = ", ".join(f'tensor<?x?xf32, #S{size}> {{graft.name = "{name}"}}'
                          for name in results)
        self.file.write_text("\n".join([
            *self.aliases, f"func.func @{self.name}({arguments}) -> ({types}) {{",
            *self.body, "}"]) + "\n")
        subprocess.run(["graft-opt", str(self.file), "-o", "/dev/null",
                        f"--interpret=entry={self.name} output={self.output}"],
                       check=True, stdout=subprocess.DEVNULL)
        told = load_file(self.output)
        assert all(torch.isfinite(told[name]).all() for name in results)
        return [told[name] for name in results]


def main():
    page, folder = map(pathlib.Path, sys.argv[1:])
    episode = Function("scores", page, folder)
    predict = Function("logits", page, folder)
    torch.manual_seed(5)
    x, examples = torch.randn(ROWS, WIDTH), torch.randn(CLASSES, WIDTH)
    nobody = torch.zeros(ROWS, CLASSES)
    squares = torch.cdist(x, examples)**2

    def scores(x, s, n, own=nobody):
        return episode(["z", "has"], "N", x=x, s=s, n=n, own=own)

    def logits(x, s, n):
        return predict(["z"], "K", x=x, s=s, n=n)[0]

    one = torch.ones(CLASSES)
    z, has = scores(x, examples, one)
    nearest = squares.argmin(1)
    assert len(set(nearest.tolist())) > 1 and (has == 1).all()
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
    assert (has[:, 1] == 0).all()
    for p in (z.softmax(1), logits(x, sums, counts).softmax(1)):
        assert (p[:, 1] == 0).all()
        assert torch.allclose(p[:, present], (-squares[:, present]).softmax(1),
                              atol=1e-5)
    print("a class without an example: not predicted")

    labels = torch.tensor([0, 0, 0, 1, 2, 2, 3])
    own = torch.nn.functional.one_hot(labels, CLASSES).float()
    z, has = scores(x, own.T @ x, own.sum(0), own)
    for i in range(ROWS):
        for k in range(CLASSES):
            others = [j for j in range(ROWS) if labels[j] == k and j != i]
            assert has[i, k] == (1.0 if others else 0.0)
            want = (-(x[i] - x[others].mean(0)).square().sum()
                    if others else torch.tensor(-1e30))
            assert torch.allclose(z[i, k], want, atol=1e-5), (i, k, z[i, k], want)
    print("a row among the examples: compared with the others")


if __name__ == "__main__":
    main()
