#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Fails unless exactly the tensors whose name matches a pattern kept their bytes.

    compare_tensors.py BEFORE.safetensors AFTER.safetensors PATTERN

Names are compared without `bert.`; tensors that only one file has are passed
over, but each side of the pattern must have some in both.
"""

import json
import re
import struct
import sys


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    header.pop("__metadata__", None)
    return {name.removeprefix("bert."):
            data[8 + size + tensor["data_offsets"][0]:
                 8 + size + tensor["data_offsets"][1]]
            for name, tensor in header.items()}


def main():
    before, after = read(sys.argv[1]), read(sys.argv[2])
    frozen = re.compile(sys.argv[3])
    counts = {True: 0, False: 0}
    for name in sorted(before.keys() & after.keys()):
        expected = bool(frozen.search(name))
        counts[expected] += 1
        if (before[name] == after[name]) != expected:
            sys.exit(f"{name}: expects "
                     f"{'the same' if expected else 'other'} bytes")
    print(f"{counts[True]} tensors kept their bytes, {counts[False]} did not")
    if not all(counts.values()):
        sys.exit("expects tensors on both sides of the pattern")


if __name__ == "__main__":
    main()
