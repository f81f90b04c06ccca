#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Copies a table of the columns `label` and `text` without most of the labels.

    drop_labels.py FULL.tsv PART.tsv

One row in three keeps its label, but no row of the second and third batch of
32.
"""

import sys


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        header, *lines = file
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(header)
        for row, line in enumerate(lines):
            keep = row % 3 == 0 and not 32 <= row < 96
            file.write(line if keep else line[line.index("\t"):])


if __name__ == "__main__":
    main()
