#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Writes tables whose evaluations have something to say.

    metric_tables.py OUTPUT

OUTPUT/many.jsonl and two.jsonl: rows of three classes and of two, with labels
that do not fit a line. OUTPUT/numbers.jsonl: numbers, with ties. OUTPUT/absent.jsonl:
no row of the longest label. OUTPUT/alone.jsonl: one class. OUTPUT/one.jsonl and
constant.jsonl: one number.
"""

import json
import pathlib
import random
import sys

import tiny_bert

# animal, plant, tool
LABELS = ["animal\nof a farm", "plant " + "with many words " * 4, "tool"]


def rows(count, labels):
    draw = random.Random(3)
    for _ in range(count):
        label = draw.randrange(labels)
        words = draw.choices(tiny_bert.PLAIN, k=draw.randint(1, 8))
        told = label if draw.random() < 0.8 else draw.randrange(labels)
        words.append(draw.choice(
            tiny_bert.TELLING[sorted(tiny_bert.TELLING)[told]]))
        yield label, " ".join(words)


def write(path, table):
    path.write_text("".join(json.dumps({"label": label, "text": text}) + "\n"
                            for label, text in table))


def main():
    output = pathlib.Path(sys.argv[1])
    many = [(LABELS[label], text) for label, text in rows(160, 3)]
    write(output / "many.jsonl", many)
    write(output / "two.jsonl",
          [(LABELS[label], text) for label, text in rows(160, 2)])
    write(output / "absent.jsonl",
          [row for row in many if row[0] != LABELS[1]])
    write(output / "alone.jsonl",
          [row for row in many if row[0] == LABELS[2]])
    numbers = [(str(label), text) for label, text in rows(160, 3)]
    write(output / "numbers.jsonl", numbers)
    write(output / "one.jsonl", numbers[:1])
    write(output / "constant.jsonl", [("0.5", text) for _, text in numbers])


if __name__ == "__main__":
    main()
