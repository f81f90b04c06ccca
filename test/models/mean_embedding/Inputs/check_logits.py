# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares logits of an artifact with those of its exported directory.

    check_logits.py GRAFT_RUN ARTIFACT EXPORTED SCRATCH

Runs the entry predict of ARTIFACT on some sequences, and computes in plain
Python what the family defines: the mean of the rows of each sequence, times the
output layer. Fails where they differ by more than 1e-5.
"""

import json
import pathlib
import random
import struct
import subprocess
import sys

TOLERANCE = 1e-5


def read(path):
    data = path.read_bytes()
    size, = struct.unpack("<Q", data[:8])
    tensors = {}
    for name, entry in json.loads(data[8:8 + size]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + size + place for place in entry["data_offsets"])
        values = struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])
        width = entry["shape"][-1]
        tensors[name] = [values[i:i + width]
                         for i in range(0, len(values), width)]
    return tensors


def write(path, tensors):
    header, body = {}, b""
    for name, values in tensors.items():
        data = struct.pack(f"<{len(values)}i", *values)
        header[name] = {"dtype": "I32", "shape": [len(values)],
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def expected(tensors, sequences):
    words, weight = tensors["words.weight"], tensors["output.weight"]
    bias, = tensors["output.bias"]
    for ids in sequences:
        mean = [sum(column) / len(ids)
                for column in zip(*(words[i] for i in ids))]
        yield [sum(a * b for a, b in zip(mean, row)) + start
               for row, start in zip(weight, bias)]


def main():
    graft_run, artifact, exported, scratch = sys.argv[1:]
    scratch = pathlib.Path(scratch)
    tensors = read(pathlib.Path(exported) / "model.safetensors")
    draw = random.Random(5)
    count = len(tensors["words.weight"])
    sequences = [[draw.randrange(count) for _ in range(length)]
                 for length in (1, 2, 7, 20)]
    offsets = [0]
    for ids in sequences:
        offsets.append(offsets[-1] + len(ids))
    write(scratch / "inputs.safetensors", {
        "ids": [i for ids in sequences for i in ids],
        "segments.offsets": offsets})
    subprocess.run([graft_run, artifact, "--entry", "predict", "--inputs",
                    scratch / "inputs.safetensors", "--outputs",
                    scratch / "outputs.safetensors"], check=True)
    got = read(scratch / "outputs.safetensors")["logits"]
    pairs = [(a, b) for mine, theirs in
             zip(got, expected(tensors, sequences), strict=True)
             for a, b in zip(mine, theirs, strict=True)]
    worst = max(abs(a - b) for a, b in pairs)
    print(f"{len(pairs)} logits, largest difference {worst:.3g}")
    if not worst <= TOLERANCE:
        sys.exit(f"expects a difference of at most {TOLERANCE:g}, got "
                 f"{worst:g}")


if __name__ == "__main__":
    main()
