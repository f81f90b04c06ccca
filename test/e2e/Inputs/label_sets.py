# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Gives the texts of a table of tiny_bert.py sets of labels.

    label_sets.py TABLE OUTPUT

A text of an odd number of words has, beside the label of its telling word, the one
after it; every seventh text has none. OUTPUT is .tsv or .jsonl, which has lists.
"""

import csv
import json
import pathlib
import sys

LABELS = ("animal", "plant", "tool")


def main():
    table, output = map(pathlib.Path, sys.argv[1:])
    with open(table, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    lines = [] if output.suffix == ".jsonl" else ["label\ttext"]
    for number, row in enumerate(rows):
        first = LABELS.index(row["label"])
        labels = [LABELS[first]]
        if len(row["text"].split()) % 2:
            labels.append(LABELS[(first + 1) % 3])
        if number % 7 == 6:
            labels = []
        if output.suffix == ".jsonl":
            lines.append(json.dumps({"label": labels, "text": row["text"]}))
        else:
            lines.append(f"{','.join(labels)}\t{row['text']}")
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
