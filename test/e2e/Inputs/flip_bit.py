#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Flips a bit of a parameter in an artifact (runtime/schema/README.md).

    flip_bit.py ARTIFACT PARAMETER
"""

import json
import math
import pathlib
import struct
import sys

import job

BYTES = {"F32": 4, "F16": 2, "BF16": 2, "I32": 4}


def main():
    path, name = pathlib.Path(sys.argv[1]), sys.argv[2]
    slots = json.loads(job.run("graft", "inspect", path, "--slots", "--json"))
    offset = end = place = 0
    for slot in slots["slots"]:
        if slot["kind"] != "parameter":
            continue
        offset = -(-end // 64) * 64
        end = offset + math.prod(slot["shape"]) * BYTES[slot["dtype"]]
        if slot["name"] == name:
            place = (offset + end) // 2
    if not place:
        sys.exit(f"expects a parameter {name} of {path}, got none")
    data = bytearray(path.read_bytes())
    checksums, = struct.unpack_from("<Q", data, 32)
    weights = (checksums - end) // 4096 * 4096
    data[weights + place] ^= 1
    path.write_bytes(data)


main()
