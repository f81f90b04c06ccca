#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compiles a model with several numbers of layers and compares the code.

    layers.py --model DIR --layers N... --work DIR [--record FILE]

Layers are copies of the model's first in all but their weights, which are
zero. Kernels and bytes of code must be equal. Prints a line of JSON and exits
with 1 when they are not.
"""

import argparse
import json
import pathlib
import shutil
import struct

import job

FIRST = "encoder.layer.0."


def read_header(path):
    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        return json.loads(file.read(size))


def write_model(source, target, layers):
    """The checkpoint `source` with as many layers."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, ignore=lambda folder, names: [
        name for name in names if not name.endswith((".json", ".txt"))])
    config = json.loads((source / "config.json").read_text())
    config["num_hidden_layers"] = layers
    (target / "config.json").write_text(json.dumps(config))
    tensors = {}
    for name, tensor in read_header(source / "model.safetensors").items():
        if name.startswith(FIRST):
            for layer in range(layers):
                tensors[name.replace("0", str(layer), 1)] = tensor
        elif not name.startswith("encoder.") and name != "__metadata__":
            tensors[name] = tensor
    header, end = {}, 0
    for name, tensor in tensors.items():
        begin, old_end = tensor["data_offsets"]
        size = old_end - begin
        header[name] = {**tensor, "data_offsets": [end, end + size]}
        end += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(target / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)  # zeros


def compile_code(arguments, layers):
    """Kernels and bytes of code of the training program."""
    model = arguments.work / f"model-{layers}"
    program = arguments.work / f"program-{layers}.graft"
    write_model(arguments.model, model, layers)
    job.run("graft-compile", model, "--classes", 26, "--max-tokens", 768,
            "--max-sequences", 32, "-o", program)
    (target,) = json.loads(job.run("graft", "inspect", program,
                                   "--json"))["targets"]
    program.unlink()
    return {"kernels": target["kernels"], "code_bytes": target["code_bytes"]}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path, required=True)
    parser.add_argument("--layers", type=int, nargs="+", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--record", type=pathlib.Path)
    arguments = parser.parse_args()
    code = {layers: compile_code(arguments, layers)
            for layers in arguments.layers}
    first = code[arguments.layers[0]]
    job.finish(all(other == first for other in code.values()),
               {"by_layers": code}, arguments.record)


if __name__ == "__main__":
    main()
