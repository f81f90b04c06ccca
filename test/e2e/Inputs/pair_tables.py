#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Writes tables of pairs with columns of unusual names.

    pair_tables.py OUTPUT

OUTPUT/train.tsv and dev.tsv have columns `first`, `second` and `class`. The
class is told by the first word of the second text; what follows it is noise
that says the contrary, behind the length to which the test cuts pairs.
"""

import pathlib
import random
import sys


def main():
    output = pathlib.Path(sys.argv[1])
    draw = random.Random(3)
    for name, rows in ("train", 96), ("dev", 30):
        lines = ["first\tclass\tsecond"]
        for _ in range(rows):
            told, other = draw.sample(["cat", "oak"], 2)
            noise = " ".join([other] * draw.randint(6, 12))
            lines.append(f"w1 w2\t{told}\t{told} {noise}")
        (output / f"{name}.tsv").write_text("\n".join(lines) + "\n")


main()
