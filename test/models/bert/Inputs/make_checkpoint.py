# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0

"""Writes a small BERT checkpoint directory, without any framework.

Options of the command line bend it, for tests of the importer: names with a
prefix, names of TensorFlow, another element type, no pooler, a classifier.
"""

import argparse
import json
import math
import os
import random
import struct


def shapes(config, arguments):
    hidden = config["hidden_size"]
    wide = config["intermediate_size"]
    dense = lambda name, rows, columns: {
        name + ".weight": [rows, columns],
        name + ".bias": [rows],
    }
    norm = lambda name: {name + ".weight": [hidden], name + ".bias": [hidden]}
    result = {
        "embeddings.word_embeddings.weight": [config["vocab_size"], hidden],
        "embeddings.position_embeddings.weight":
            [config["max_position_embeddings"], hidden],
        "embeddings.token_type_embeddings.weight":
            [config["type_vocab_size"], hidden],
        **norm("embeddings.LayerNorm"),
    }
    for i in range(config["num_hidden_layers"]):
        layer = "encoder.layer.%d." % i
        for part in ("query", "key", "value"):
            result.update(dense(layer + "attention.self." + part, hidden, hidden))
        result.update(dense(layer + "attention.output.dense", hidden, hidden))
        result.update(norm(layer + "attention.output.LayerNorm"))
        result.update(dense(layer + "intermediate.dense", wide, hidden))
        result.update(dense(layer + "output.dense", hidden, wide))
        result.update(norm(layer + "output.LayerNorm"))
    if not arguments.no_pooler:
        result.update(dense("pooler.dense", hidden, hidden))
    if arguments.prefix:
        result = {"bert." + name: shape for name, shape in result.items()}
    if arguments.legacy:
        result = {
            name.replace("LayerNorm.weight", "LayerNorm.gamma").replace(
                "LayerNorm.bias", "LayerNorm.beta"): shape
            for name, shape in result.items()
        }
    if arguments.classifier:
        result.update(dense("classifier", arguments.classifier, hidden))
    return result


def encode(value, dtype):
    if dtype == "BF16":
        return struct.pack("<f", value)[2:]
    return struct.pack({"F32": "<f", "F64": "<d", "F16": "<e"}[dtype], value)


def write_safetensors(path, tensors, dtype):
    generator = random.Random(7)
    # Transformers before version 5 insists on the metadata.
    header, data = {"__metadata__": {"format": "pt"}}, bytearray()
    for name in sorted(tensors):
        begin = len(data)
        for _ in range(math.prod(tensors[name])):
            data += encode(generator.gauss(0.0, 0.7), dtype)
        header[name] = {
            "dtype": dtype,
            "shape": tensors[name],
            "data_offsets": [begin, len(data)],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory")
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--activation", default="gelu")
    parser.add_argument("--classifier", type=int, default=0)
    parser.add_argument("--dtype", default="F32")
    parser.add_argument("--prefix", action="store_true")
    parser.add_argument("--legacy", action="store_true")
    parser.add_argument("--no-pooler", action="store_true")
    parser.add_argument("--field", action="append", default=[],
                        help="NAME=JSON, a field of config.json")
    arguments = parser.parse_args()
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "the", "dog",
             "cat", "sat", "##s", ",", "."]
    config = {
        "model_type": "bert",
        "architectures": ["BertForSequenceClassification"
                          if arguments.classifier else "BertModel"],
        "vocab_size": len(words),
        "hidden_size": 8,
        "num_hidden_layers": arguments.layers,
        "num_attention_heads": 2,
        "intermediate_size": 12,
        "max_position_embeddings": 32,
        "type_vocab_size": 2,
        "hidden_act": arguments.activation,
    }
    for field in arguments.field:
        name, value = field.split("=", 1)
        config[name] = json.loads(value)
    os.makedirs(arguments.directory, exist_ok=True)
    join = lambda name: os.path.join(arguments.directory, name)
    with open(join("config.json"), "w") as file:
        json.dump(config, file, indent=2)
    with open(join("vocab.txt"), "w") as file:
        file.write("".join(word + "\n" for word in words))
    write_safetensors(join("model.safetensors"), shapes(config, arguments),
                      arguments.dtype)


if __name__ == "__main__":
    main()
