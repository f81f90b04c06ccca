# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Random tables in all formats that Graft reads. Standard library only."""

import csv
import dataclasses
import gzip
import io
import json

LABEL_SETS = [["neg", "pos"], ["pos", "neg", "so so"], ["1", "0"],
              ["10", "9", "2"], ["a,b", "\"quoted\"", "c'd"],
              ["ja", "nein", "weiß nicht"]]
# Of tables whose format holds them.
WIDE_LABELS = [["two\nlines", "one line"], ["tab\there", "none"]]


@dataclasses.dataclass
class Tables:
    format: str       # tsv, csv or jsonl
    packed: bool      # gzip
    parts: int        # files of the training table
    pairs: bool
    labels: list      # empty: regression
    columns: dict     # text, pair, label
    max_length: int   # 0: not given


def choose(draw):
    kind = draw.choice(["tsv", "csv", "jsonl"])
    labels = draw.choice(LABEL_SETS + [[]] +
                         (WIDE_LABELS if kind != "tsv" else []))
    columns = draw.choice([
        {"text": "text", "pair": "pair", "label": "label"},
        {"text": "first", "pair": "second", "label": "class"},
        {"text": "the text", "pair": "--pair", "label": "[label]"}])
    return Tables(format=kind, packed=draw.random() < 0.25,
                  parts=draw.choice([1, 1, 2]), pairs=draw.random() < 0.4,
                  labels=labels, columns=columns,
                  max_length=draw.choice([0, 0, 8, 16]))


def texts(draw, words, added):
    """A text of words, and of what is hard about them."""
    odd = ["ÉTÉ", "goods", "playing", "xxxxxxxxxx", "中国", "a-b", "naïve",
           "[SEP]", "don't", "100", "\u200bgood", "a\u00a0b"]
    chosen = draw.choices(words + odd + added * 4, k=draw.randint(1, 14))
    return draw.choice([" ", " ", "  ", ""]).join(chosen).strip() or "good"


def rows(it, draw, words, added, count):
    result = []
    for i in range(count):
        label = (it.labels[i % len(it.labels)] if it.labels
                 else f"{draw.uniform(-2, 2):.3f}")
        row = {it.columns["text"]: texts(draw, words, added),
               it.columns["label"]: label}
        if it.pairs:
            row[it.columns["pair"]] = texts(draw, words, added)
        result.append(row)
    return result


def write(it, path, rows):
    out = io.StringIO()
    names = list(rows[0])
    if it.format == "jsonl":
        for row in rows:
            out.write(json.dumps(row) + "\n")
    elif it.format == "csv":
        writer = csv.DictWriter(out, names)
        writer.writeheader()
        writer.writerows(rows)
    else:
        out.write("\t".join(names) + "\n")
        for row in rows:
            out.write("\t".join(row[name] for name in names) + "\n")
    data = out.getvalue().encode()
    path.write_bytes(gzip.compress(data) if it.packed else data)
