# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Writes the tables of the noisy source, from which a method selects rows.

    noisy.py FOLDER SEED

A row counts the tokens of a sequence of 12, t0 to t49, and has a label. Of the first
half of the vocabulary, 10 words say label 0 and 10 say label 1; 5, and all of the second
half, say nothing. A sequence has one or two words of those that say its label and none of
those that say the other; half of the rest are of the second half. y0 and y1 are the label
once more, for a prediction of whether a row is selected, which may not read labels.

    source.tsv      1,000 clean rows, 500 such whose labels are wrong, 500 shifted: of
                    the second half alone, with any label; in random order
    tags.tsv        of each row of source.tsv: clean, flipped or shifted. Only a test
                    reads it, to judge what was selected
    target.tsv, validation.tsv, test.tsv   60, 200 and 500 clean rows
"""

import pathlib
import random
import sys

import tables

VOCABULARY, LENGTH = 50, 12
HALF = VOCABULARY // 2
SAYS = 10  # words of the first half that say label 0, and as many that say label 1
OTHER = 0.5  # how often a word that says nothing is of the second half
CLEAN, FLIPPED, SHIFTED = 1000, 500, 500
SIZES = {"target": 60, "validation": 200, "test": 500}


def sequence(draw, half):
    """Counts of the tokens of a sequence, and its label."""
    label = draw.randrange(2)
    if half == 1:
        tokens = [HALF + draw.randrange(HALF) for _ in range(LENGTH)]
    else:
        says = draw.randint(1, 2)
        tokens = [label * SAYS + draw.randrange(SAYS) for _ in range(says)]
        for _ in range(LENGTH - says):
            if draw.random() < OTHER:
                tokens.append(HALF + draw.randrange(HALF))
            else:
                tokens.append(2 * SAYS + draw.randrange(HALF - 2 * SAYS))
    counts = [0] * VOCABULARY
    for token in tokens:
        counts[token] += 1
    return counts, label


def source(draw):
    """Rows of counts, label and tag."""
    rows = [(*sequence(draw, 0), "clean") for _ in range(CLEAN)]
    for _ in range(FLIPPED):
        counts, label = sequence(draw, 0)
        rows.append((counts, 1 - label, "flipped"))
    rows += [(*sequence(draw, 1), "shifted") for _ in range(SHIFTED)]
    draw.shuffle(rows)
    return rows


def write_noisy(folder, seed):
    draw = random.Random(seed)
    names = [f"t{i}" for i in range(VOCABULARY)] + ["y0", "y1", "label"]

    def write_rows(name, rows):
        tables.write(folder / f"{name}.tsv", names,
                     (counts + [1 - label, label, label] for counts, label in rows))

    rows = source(draw)
    write_rows("source", (row[:2] for row in rows))
    tables.write(folder / "tags.tsv", ["tag"], ((tag,) for _, _, tag in rows))
    for name, size in SIZES.items():
        write_rows(name, (sequence(draw, 0) for _ in range(size)))


def blob(draw, count=500):
    """Points of a source, half of which are far from those of the target, with tags."""
    def points(x, y, *tag):
        return [(draw.gauss(x, 1), draw.gauss(y, 1), *tag) for _ in range(count)]

    rows = points(0, 0, "near") + points(4, 4, "far")
    draw.shuffle(rows)
    return {"source": rows, "target": points(0, 0)}


def main():
    folder, seed = sys.argv[1:]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_noisy(folder, int(seed))


if __name__ == "__main__":
    main()
