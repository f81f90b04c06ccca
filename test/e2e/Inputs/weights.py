#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares loss and gradients of a text of weight 2 with those of a text that
stands twice, in one batch and split over micro-batches.

    weights.py PROGRAM WORK

PROGRAM is compiled from a strategy whose loss has weights and from a model
without dropout. Losses and gradients must agree within 1e-6; a batch without
the weight must not.
"""

import json
import pathlib
import struct
import subprocess
import sys

TOLERANCE = 1e-6
TEXTS = {"a": ([2, 7, 9, 3], 0), "b": ([2, 11, 8, 30, 12, 3], 1),
         "c": ([2, 5, 3], 2)}


def write_safetensors(path, tensors):
    header, data, offset = {}, b"", 0
    for name, (kind, shape, values) in tensors.items():
        raw = struct.pack(f"<{len(values)}{'f' if kind == 'F32' else 'i'}",
                          *values)
        header[name] = {"dtype": kind, "shape": shape,
                        "data_offsets": [offset, offset + len(raw)]}
        data, offset = data + raw, offset + len(raw)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def read_safetensors(path):
    """The values of each tensor of F32."""
    raw = path.read_bytes()
    size = struct.unpack("<Q", raw[:8])[0]
    tensors = {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = (8 + size + place for place in entry["data_offsets"])
        tensors[name] = struct.unpack(f"<{(end - begin) // 4}f", raw[begin:end])
    return tensors


def write_batch(path, rows, total):
    """Inputs of the entry `accumulate`: rows are (text, weight)."""
    ids, offsets = [], [0]
    for text, _ in rows:
        ids += TEXTS[text][0]
        offsets.append(len(ids))
    write_safetensors(path, {
        "ids": ("I32", [len(ids)], ids),
        "types": ("I32", [len(ids)], [0] * len(ids)),
        "segments.offsets": ("I32", [len(offsets)], offsets),
        "labels": ("I32", [len(rows)], [TEXTS[text][1] for text, _ in rows]),
        "weights": ("F32", [len(rows)], [weight for _, weight in rows]),
        "weight_total": ("F32", [], [total]),
        "total": ("F32", [], [float(len(rows))]),
    })


def run(program, work, name, micro_batches):
    """Loss and gradients of an optimiser batch of these micro-batches."""
    total = sum(weight for rows in micro_batches for _, weight in rows)
    loss, paths = 0.0, []
    for i, rows in enumerate(micro_batches):
        paths.append(work / f"{name}.{i}.safetensors")
        write_batch(paths[-1], rows, total)
        output = work / f"{name}.{i}.loss.safetensors"
        subprocess.run(["graft-run", program, "--entry", "accumulate",
                        "--inputs", paths[-1], "--outputs", output], check=True)
        loss += read_safetensors(output)["loss"][0]
    slots = work / f"{name}.slots.safetensors"
    subprocess.run(["graft-run", program, "--entry", "accumulate", "--inputs",
                    ",".join(str(path) for path in paths), "--slots-out",
                    slots, "--slot-kinds", "gradient"], check=True)
    return loss, read_safetensors(slots)


def difference(one, other):
    loss = abs(one[0] - other[0])
    return max([loss] + [abs(a - b) for name in one[1]
                         for a, b in zip(one[1][name], other[1][name])])


def main():
    program, work = sys.argv[1], pathlib.Path(sys.argv[2])
    work.mkdir(parents=True, exist_ok=True)
    twice = run(program, work, "twice",
                [[("a", 1), ("b", 1), ("b", 1), ("c", 1)]])
    cases = {
        "weight 2, one batch": [[("a", 1), ("b", 2), ("c", 1)]],
        "weight 2, micro-batches": [[("a", 1)], [("b", 2), ("c", 1)]],
        "twice, micro-batches": [[("a", 1), ("b", 1)], [("b", 1), ("c", 1)]],
        "other scale, micro-batches": [[("b", 1)], [("c", 0.5), ("a", 0.5)]],
    }
    if max(abs(x) for values in twice[1].values() for x in values) < 1e-3:
        sys.exit("expects gradients that are not all zero")
    for name, micro_batches in cases.items():
        found = difference(twice, run(program, work, "case", micro_batches))
        print(f"{name}: largest difference {found:.2g}")
        if not found <= TOLERANCE:
            sys.exit(f"{name}: expects at most {TOLERANCE:g}, got {found:g}")
    without = run(program, work, "without", [[("a", 1), ("b", 1), ("c", 1)]])
    if difference(twice, without) < 100 * TOLERANCE:
        sys.exit("expects other gradients without the weight")
    print("weights hold")


if __name__ == "__main__":
    main()
