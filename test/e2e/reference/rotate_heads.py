# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Rotates the queries, keys and values of the last layer of a BERT.

    rotate_heads.py MODEL OUTPUT WIDTH

Each WIDTH columns of a projection are multiplied by an orthogonal matrix of their own,
as rows of its weight and its bias. OUTPUT is a copy of the directory MODEL.
"""

import pathlib
import shutil
import sys

import torch
from safetensors.torch import load_file, save_file


def main():
    model, output = map(pathlib.Path, sys.argv[1:3])
    width = int(sys.argv[3])
    torch.manual_seed(11)
    shutil.copytree(model, output)
    tensors = load_file(output / "model.safetensors")
    names = [name for name in tensors if ".attention.self." in name]
    last = max(int(name.split("layer.")[1].split(".")[0]) for name in names)
    for kind in ("query", "key", "value"):
        (name,) = [name for name in names
                   if f"layer.{last}.attention.self.{kind}.weight" in name]
        weight, bias = tensors[name], tensors[name.replace("weight", "bias")]
        for start in range(0, len(weight), width):
            rotation, _ = torch.linalg.qr(torch.randn(width, width))
            rows = slice(start, start + width)
            weight[rows] = rotation @ weight[rows]
            bias[rows] = rotation @ bias[rows]
    save_file(tensors, output / "model.safetensors")


if __name__ == "__main__":
    main()
