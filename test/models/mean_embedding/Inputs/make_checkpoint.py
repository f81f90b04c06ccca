# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Writes a checkpoint of the mean_embedding family and tables to learn.

    make_checkpoint.py OUTPUT

OUTPUT/model is a directory with random weights and the vocabulary of
test/e2e/Inputs/tiny_bert.py; the tables are of that script, too.
"""

import json
import pathlib
import random
import sys

sys.path.append(str(pathlib.Path(__file__).parents[3] / "e2e" / "Inputs"))

import tiny_bert  # noqa: E402

WIDTH, LONGEST = 12, 20


def main():
    output = pathlib.Path(sys.argv[1])
    tiny_bert.write(output, layers=1, rows=640)
    (output / "model").rename(output / "bert")
    model = output / "model"
    model.mkdir()
    words = (output / "bert" / "vocab.txt").read_text()
    (model / "vocab.txt").write_text(words)
    count = words.count("\n")
    (model / "config.json").write_text(json.dumps({
        "model_type": "mean_embedding", "words": count, "width": WIDTH,
        "longest": LONGEST, "drop": 0.1, "author": "a field of no one"}))
    draw = random.Random(3)
    tiny_bert.write_safetensors(model / "model.safetensors", {
        "lookup": ((count, WIDTH),
                   [draw.gauss(0, 0.3) for _ in range(count * WIDTH)])})


if __name__ == "__main__":
    main()
