#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Initial values of the experts of the page mmoe, for a model of WIDTH features.

    experts.py alike OUTPUT COUNT WIDTH
    experts.py differ CHECKPOINT COUNT

alike writes COUNT experts of equal values, with gates that are far from uniform.
differ fails unless no two matrices of COUNT experts, or of their gates, are equal.
"""

import json
import pathlib
import random
import struct
import sys

from tiny_bert import write_safetensors


def alike(output, count, width):
    draw = random.Random(5)
    matrix = [draw.gauss(0, 0.2) for _ in range(width * width)]
    tensors = {}
    for i in range(count):
        tensors[f"tasks.expert.{i}.weight"] = (width, width), matrix
        for task in ("first", "second"):
            tensors[f"tasks.expert.{i}.{task}_gate"] = (1, width), [
                draw.gauss(0, 50) for _ in range(width)]
    write_safetensors(pathlib.Path(output), tensors)


def differ(checkpoint, count):
    data = pathlib.Path(checkpoint).read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    for kind in ("weight", "first_gate", "second_gate"):
        values = {data[8 + size:][slice(
            *header[f"tasks.expert.{i}.{kind}"]["data_offsets"])]
            for i in range(count)}
        if len(values) != count:
            sys.exit(f"expects {count} different values of {kind}, got "
                     f"{len(values)}")
    print(f"{count} experts differ")


def main():
    command, path, *numbers = sys.argv[1:]
    {"alike": alike, "differ": differ}[command](path, *map(int, numbers))


if __name__ == "__main__":
    main()
