#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Prints the ```mlir blocks of a Markdown file as one test input.

Each block becomes one module, separated by `// -----`, behind the text of the
files given with --prelude: what a page does not repeat in every example.

    tools/dev/md_examples.py docs/strategies.md --prelude model.mlir
"""

import argparse
import re


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("page")
    parser.add_argument("--prelude", action="append", default=[])
    arguments = parser.parse_args()

    def read(path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    prelude = "".join(read(path) for path in arguments.prelude)
    blocks = re.findall(r"^```mlir\n(.*?)^```", read(arguments.page), re.M | re.S)
    if not blocks:
        parser.error(f"expects a block of mlir in {arguments.page}, got none")
    print("\n// -----\n\n".join(prelude + block for block in blocks))


if __name__ == "__main__":
    main()
