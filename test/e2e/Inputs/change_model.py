#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Copies a checkpoint directory of F32 tensors and changes what it is asked to.

    change_model.py MODEL COPY [options]

  --head N             a classifier of N rows, and its architecture
  --architecture NAME  this architecture
  --config JSON        fields of config.json
  --drop PREFIX        no tensors of this prefix
  --prefix PREFIX      before all names
  --rename OLD=NEW     in all names
  --split N            the weights in N files, with an index
  --nan NAME           the last value of this tensor is not a number
  --types N            the first N types of tokens
  --extra NAME=N       a linear layer of N rows, of exactly this name
"""

import argparse
import json
import pathlib
import random
import shutil
import struct


def read(path):
    data = path.read_bytes()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    return {name: (entry["shape"],
                   data[8 + size:][slice(*entry["data_offsets"])])
            for name, entry in header.items() if name != "__metadata__"}


def write(path, tensors):
    header, data = {}, b""
    for name, (shape, values) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape,
                        "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("copy", type=pathlib.Path)
    parser.add_argument("--head", type=int, default=0)
    parser.add_argument("--architecture")
    parser.add_argument("--config", type=json.loads, default={})
    parser.add_argument("--drop")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--rename", default="=")
    parser.add_argument("--split", type=int, default=1)
    parser.add_argument("--nan")
    parser.add_argument("--types", type=int)
    parser.add_argument("--extra")
    options = parser.parse_args()
    shutil.copytree(options.model, options.copy)
    config = json.loads((options.copy / "config.json").read_text())
    tensors = read(options.copy / "model.safetensors")
    if options.head:
        draw, width = random.Random(3), config["hidden_size"]
        for name, shape in {"classifier.weight": [options.head, width],
                            "classifier.bias": [options.head]}.items():
            count = options.head * (width if len(shape) == 2 else 1)
            tensors[name] = (shape, struct.pack(
                f"<{count}f", *(draw.gauss(0, 1) for _ in range(count))))
        config["architectures"] = ["BertForSequenceClassification"]
    if options.architecture:
        config["architectures"] = [options.architecture]
    config.update(options.config)
    if options.types:
        config["type_vocab_size"] = options.types
        name = "embeddings.token_type_embeddings.weight"
        (_, width), values = tensors[name]
        tensors[name] = ([options.types, width],
                         values[:4 * options.types * width])
    if options.nan:
        shape, values = tensors[options.nan]
        tensors[options.nan] = (shape,
                                values[:-4] + struct.pack("<f", float("nan")))
    old, new = options.rename.split("=")
    tensors = {options.prefix + (name.replace(old, new) if old else name): value
               for name, value in tensors.items()
               if not options.drop or not name.startswith(options.drop)}
    if options.extra:
        name, rows = options.extra.split("=")
        width = int(rows) * config["hidden_size"]
        tensors[f"{name}.weight"] = ([int(rows), config["hidden_size"]],
                                     struct.pack(f"<{width}f", *[0.5] * width))
        tensors[f"{name}.bias"] = ([int(rows)], bytes(4 * int(rows)))
    (options.copy / "config.json").write_text(json.dumps(config))
    if options.split == 1:
        write(options.copy / "model.safetensors", tensors)
        return
    (options.copy / "model.safetensors").unlink()
    weight_map = {}
    for i in range(options.split):
        file = f"model-{i + 1:05}-of-{options.split:05}.safetensors"
        part = dict(list(tensors.items())[i::options.split])
        write(options.copy / file, part)
        weight_map.update({name: file for name in part})
    (options.copy / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {}, "weight_map": weight_map}))


main()
