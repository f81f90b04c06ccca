# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""BERT checkpoints with random weights, written without any framework. Time
does not depend on the values."""

import array
import json
import math
import random
import shutil
import struct
import sys

import models

BERT_BASE = {"vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12,
             "num_attention_heads": 12, "intermediate_size": 3072,
             "max_position_embeddings": 512}
TINY = {"vocab_size": 512, "hidden_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 64,
        "max_position_embeddings": 128}
COMMON = {"model_type": "bert", "type_vocab_size": 2, "hidden_act": "gelu",
          "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
          "layer_norm_eps": 1e-12, "pad_token_id": 0}
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
# Random values that are written again and again; a prime number of them, so
# that no two rows of a matrix are equal.
PATTERN = 65521


def shapes(config):
    """(name, shape) of each tensor."""
    hidden, wide = config["hidden_size"], config["intermediate_size"]

    def dense(name, rows, columns):
        yield name + ".weight", (rows, columns)
        yield name + ".bias", (rows,)

    def norm(name):
        yield name + ".weight", (hidden,)
        yield name + ".bias", (hidden,)

    for name, size in (("word", "vocab_size"),
                       ("position", "max_position_embeddings"),
                       ("token_type", "type_vocab_size")):
        yield f"embeddings.{name}_embeddings.weight", (config[size], hidden)
    yield from norm("embeddings.LayerNorm")
    for i in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{i}."
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            yield from dense(layer + "attention." + name, hidden, hidden)
        yield from norm(layer + "attention.output.LayerNorm")
        yield from dense(layer + "intermediate.dense", wide, hidden)
        yield from dense(layer + "output.dense", hidden, wide)
        yield from norm(layer + "output.LayerNorm")
    yield from dense("pooler.dense", hidden, hidden)


def write(folder, sizes, tokenizer=None):
    """Writes a checkpoint of these sizes into `folder`, unless it is there.
    `tokenizer` is a checkpoint whose tokenizer it gets; without one its
    vocabulary is w0, w1, ..."""
    config = {**COMMON, **sizes}
    text = json.dumps(config, indent=1)
    stamp = folder / "config.json"
    if stamp.exists() and stamp.read_text() == text:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if tokenizer:
        models.copy_tokenizer(tokenizer, folder)
    else:
        words = [f"w{i}" for i in range(sizes["vocab_size"] - len(SPECIAL))]
        (folder / "vocab.txt").write_text("\n".join((*SPECIAL, *words)) + "\n")
    write_tensors(folder / "model.safetensors", list(shapes(config)))
    stamp.write_text(text)
    return folder


def write_tensors(path, tensors):
    header, offset = {}, 0
    for name, shape in tensors:
        end = offset + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": list(shape),
                        "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    draw = random.Random(0)
    noise = floats(draw.gauss(0, 0.02) for _ in range(PATTERN))
    ones = floats([1.0] * 4096)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors:
            pattern = ones if name.endswith("LayerNorm.weight") else noise
            left = 4 * math.prod(shape)
            while left:
                file.write(pattern[:left])
                left -= min(left, len(pattern))


def floats(values):
    """Little-endian 32-bit floats."""
    data = array.array("f", values)
    if sys.byteorder == "big":
        data.byteswap()
    return data.tobytes()
