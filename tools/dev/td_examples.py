#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Prints the examples in the descriptions of .td files as one test input.

Each ```mlir block becomes one module, separated by `// -----`, so that
documentation is parsed, verified and round-tripped like any test:

    tools/dev/td_examples.py dialects/graft/*.td | graft-opt --split-input-file

An op (def ... Graft_Op or Graft_ComputeOp) without an example is an error.
"""

import re
import sys


def examples(path):
    """Yields (op mnemonic, example text) of every op of a .td file."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    pattern = r'^def \w+ : \w+Op<"([a-z_]+)"(.*?)^}'
    for match in re.finditer(pattern, text, re.M | re.S):
        block = re.search(r"```mlir\n(.*?)```", match.group(2), re.S)
        body = block.group(1) if block else None
        referred = "see there for an example" in re.sub(r"\s+", " ", match.group(2))
        yield match.group(1), body, referred


def main():
    parts, missing = [], []
    for path in sorted(sys.argv[1:]):
        for name, body, referred in examples(path):
            if body is None:
                if not referred:
                    missing.append(f"{path}: {name}")
                continue
            lines = [line[4:] if line.startswith("    ") else line
                     for line in body.rstrip().split("\n")]
            parts.append(f"// {name}\n" + "\n".join(lines) + "\n")
    if missing:
        sys.exit("ops without an example: " + ", ".join(missing))
    print("\n// -----\n".join(parts))


if __name__ == "__main__":
    main()
