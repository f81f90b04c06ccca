#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Writes a tiny BERT checkpoint directory and tables that it can learn.

    tiny_bert.py OUTPUT [--layers N] [--rows N] [--hidden N] [--heads N]

OUTPUT/model is a checkpoint (random weights, a vocabulary of words);
OUTPUT/train.tsv and test.tsv have sentences of random words whose label is
told by one of them.
"""

import argparse
import json
import pathlib
import random
import struct

HIDDEN, HEADS, WIDE, POSITIONS = 32, 2, 64, 40
TELLING = {"animal": ["cat", "dog", "horse"], "plant": ["oak", "rose", "fern"],
           "tool": ["saw", "axe", "drill"]}
PLAIN = [f"w{i}" for i in range(40)]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def shapes(layers, vocabulary, hidden=HIDDEN):
    yield "embeddings.word_embeddings.weight", (vocabulary, hidden)
    yield "embeddings.position_embeddings.weight", (POSITIONS, hidden)
    yield "embeddings.token_type_embeddings.weight", (2, hidden)
    yield "embeddings.LayerNorm.weight", (hidden,)
    yield "embeddings.LayerNorm.bias", (hidden,)
    for i in range(layers):
        layer = f"encoder.layer.{i}."
        for name in ("attention.self.query", "attention.self.key",
                     "attention.self.value", "attention.output.dense"):
            yield layer + name + ".weight", (hidden, hidden)
            yield layer + name + ".bias", (hidden,)
        yield layer + "intermediate.dense.weight", (WIDE, hidden)
        yield layer + "intermediate.dense.bias", (WIDE,)
        yield layer + "output.dense.weight", (hidden, WIDE)
        yield layer + "output.dense.bias", (hidden,)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            yield layer + name + ".weight", (hidden,)
            yield layer + name + ".bias", (hidden,)
    yield "pooler.dense.weight", (hidden, hidden)
    yield "pooler.dense.bias", (hidden,)


def write_safetensors(path, tensors):
    header, data, offset = {}, [], 0
    for name, (shape, values) in tensors.items():
        size = 4 * len(values)
        header[name] = {"dtype": "F32", "shape": list(shape),
                        "data_offsets": [offset, offset + size]}
        data.append(struct.pack(f"<{len(values)}f", *values))
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def values(name, shape, draw):
    count = 1
    for size in shape:
        count *= size
    if "LayerNorm.weight" in name:
        return [1.0] * count
    if name.endswith("bias"):
        return [0.0] * count
    return [draw.gauss(0, 0.1) for _ in range(count)]


def write_model(directory, layers, hidden=HIDDEN, heads=HEADS):
    directory.mkdir(parents=True, exist_ok=True)
    words = SPECIAL + PLAIN + sum(TELLING.values(), [])
    (directory / "vocab.txt").write_text("\n".join(words) + "\n")
    (directory / "config.json").write_text(json.dumps({
        "model_type": "bert", "vocab_size": len(words), "hidden_size": hidden,
        "num_hidden_layers": layers, "num_attention_heads": heads,
        "intermediate_size": WIDE, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": POSITIONS, "type_vocab_size": 2,
        "layer_norm_eps": 1e-12, "pad_token_id": 0}))
    draw = random.Random(7)
    write_safetensors(directory / "model.safetensors", {
        name: (shape, values(name, shape, draw))
        for name, shape in shapes(layers, len(words), hidden)})


def write_table(path, rows, seed):
    draw = random.Random(seed)
    with open(path, "w", encoding="utf-8") as file:
        file.write("label\ttext\n")
        for _ in range(rows):
            label = draw.choice(sorted(TELLING))
            words = draw.choices(PLAIN, k=draw.randint(1, 12))
            words.insert(draw.randrange(len(words) + 1),
                         draw.choice(TELLING[label]))
            file.write(f"{label}\t{' '.join(words)}\n")


def write(output, layers, rows, hidden=HIDDEN, heads=HEADS):
    write_model(output / "model", layers, hidden, heads)
    write_table(output / "train.tsv", rows, 1)
    write_table(output / "test.tsv", 200, 2)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--hidden", type=int, default=HIDDEN)
    parser.add_argument("--heads", type=int, default=HEADS)
    arguments = parser.parse_args()
    write(arguments.output, arguments.layers, arguments.rows, arguments.hidden,
          arguments.heads)


if __name__ == "__main__":
    main()
