#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Tables of rows that choose their head, and whether each got its answer.

    mixed_heads.py table TEXTS.tsv MIXED.tsv HEAD...
    mixed_heads.py check MIXED.jsonl TOLERANCE HEAD=ALONE.jsonl...

`table` gives the texts of a table the heads in turn, in a column "task".
`check` compares the prediction of each row with that of its head for the same
text in another file, as of a program that has this head alone.
"""

import json
import sys


def write_table(source, target, heads):
    with open(source, encoding="utf-8") as file:
        next(file)
        texts = [line.rstrip("\n").split("\t")[1] for line in file]
    with open(target, "w", encoding="utf-8") as file:
        file.write("text\ttask\n")
        for i, text in enumerate(texts):
            file.write(f"{text}\t{heads[i % len(heads)]}\n")


def read(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def values(row):
    """What the row predicts, by label; a score has none."""
    if "score" in row:
        return {"": row["score"]}
    return {entry["label"]: entry["probability"] for entry in row["labels"]}


def check(path, tolerance, alone):
    heads = {}
    for text in alone:
        name, file = text.split("=", 1)
        heads[name] = read(file)
    rows, worst, seen = read(path), 0.0, {name: 0 for name in heads}
    for i, row in enumerate(rows):
        other = heads[row["head"]][i]
        mine, yours = values(row), values(other)
        if row["text"] != other["text"] or mine.keys() != yours.keys():
            sys.exit(f"row {i}: expects {other}, got {row}")
        worst = max([worst] + [abs(mine[x] - yours[x]) for x in mine])
        seen[row["head"]] += 1
    if not all(seen.values()) or not worst <= tolerance:
        sys.exit(f"expects rows of all heads within {tolerance:g}, got {seen}, "
                 f"largest difference {worst:.3g}")
    print(f"{len(rows)} rows of {len(seen)} heads, largest difference "
          f"{worst:.3g}")


def main():
    command, arguments = sys.argv[1], sys.argv[2:]
    if command == "table":
        write_table(arguments[0], arguments[1], arguments[2:])
    else:
        check(arguments[0], float(arguments[1]), arguments[2:])


if __name__ == "__main__":
    main()
