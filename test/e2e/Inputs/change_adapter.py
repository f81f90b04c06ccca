#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Copies a directory of PEFT adapters with some things changed.

    change_adapter.py DIRECTORY COPY [KEY=JSON ...] [-TENSOR ...] [OLD>NEW ...]
        [--first-row]

KEY of adapter_config.json gets the value JSON; TENSOR is left out of the weights; OLD
becomes NEW in the names of tensors; --first-row leaves one row of the head.
"""

import json
import pathlib
import shutil
import struct
import sys


def main():
    source, target, *changes = sys.argv[1:]
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    folder = pathlib.Path(target)
    config = json.loads((folder / "adapter_config.json").read_text())
    path = folder / "adapter_model.safetensors"
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header, values = json.loads(data[8:8 + size]), data[8 + size:]
    metadata = header.pop("__metadata__", {})
    for change in changes:
        if change == "--first-row":
            for name, spec in header.items():
                if "lora_" in name:
                    continue
                begin, end = spec["data_offsets"]
                rows, *width = spec["shape"]
                spec["shape"] = [1, *width]
                spec["data_offsets"] = [begin, begin + (end - begin) // rows]
        elif change.startswith("-"):
            del header[change[1:]]
        elif ">" in change:
            old, new = change.split(">")
            changed = {name.replace(old, new): spec
                       for name, spec in header.items()}
            assert changed.keys() != header.keys(), change
            header = changed
        else:
            key, value = change.split("=", 1)
            config[key] = json.loads(value)
    # Without gaps, as the format wants it.
    written, offset = b"", 0
    for spec in header.values():
        begin, end = spec["data_offsets"]
        written += values[begin:end]
        spec["data_offsets"] = [offset, offset + end - begin]
        offset += end - begin
    text = json.dumps({"__metadata__": metadata, **header}).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + written)
    (folder / "adapter_config.json").write_text(json.dumps(config))


if __name__ == "__main__":
    main()
