#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Which tensors of an exported model are the bits of the pretrained one.

    same_tensors.py PRETRAINED EXPORTED [END ...]

Those must not be whose names end with END, or contain it before a dot; all others must.
"""

import json
import pathlib
import struct
import sys


def read(directory):
    data = (pathlib.Path(directory) / "model.safetensors").read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    return {name.removeprefix("bert."): data[8 + size:][slice(
        *spec["data_offsets"])] for name, spec in header.items()
        if name != "__metadata__"}


def main():
    pretrained, exported = map(read, sys.argv[1:3])
    ends = tuple(sys.argv[3:])
    same = {name for name, values in exported.items()
            if pretrained.get(name) == values}
    changed = {name for name in exported if name.endswith(ends) or
               any(f"{end}." in name for end in ends)}
    if same & changed or exported.keys() - same - changed:
        sys.exit(f"expects to change {sorted(changed)}, changed "
                 f"{sorted(exported.keys() - same)}")
    print(f"{len(same)} tensors are the same, {len(exported) - len(same)} are not")


if __name__ == "__main__":
    main()
