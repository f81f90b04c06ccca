#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Whether an artifact holds the bits of each matrix of a checkpoint.

    holds_tensors.py CHECKPOINT ARTIFACT
"""

import json
import pathlib
import struct
import sys


def main():
    checkpoint, artifact = map(pathlib.Path, sys.argv[1:])
    data = (checkpoint / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    held = artifact.read_bytes()
    count = 0
    for name, spec in json.loads(data[8:8 + size]).items():
        if name == "__metadata__" or len(spec["shape"]) < 2:
            continue
        if data[8 + size:][slice(*spec["data_offsets"])] not in held:
            sys.exit(f"{artifact}: expects the bits of {name}")
        count += 1
    print(f"holds {count} matrices")


if __name__ == "__main__":
    main()
