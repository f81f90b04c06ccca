#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Whether two artifacts, as `graft inspect --json` shows them, do the same.

    compare_programs.py A.json B.json

Paths and the labels of commands, which only profiles show, may differ.
"""

import json
import sys


def read(path):
    with open(path, encoding="utf-8") as file:
        artifact = json.load(file)
    del artifact["path"], artifact["bytes"]
    for entry in artifact["entries"]:
        for command in entry["commands"]:
            del command["label"]
    return artifact


def main():
    first, second = read(sys.argv[1]), read(sys.argv[2])
    if not first["entries"]:
        sys.exit("expects entries, got none")
    different = [key for key in {**first, **second}
                 if first.get(key) != second.get(key)]
    if different:
        sys.exit("expects equal artifacts, got other " + ", ".join(different))


if __name__ == "__main__":
    main()
