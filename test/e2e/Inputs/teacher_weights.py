# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""How much a text weighs in the page meta_kd, by the losses of runs of one text.

    teacher_weights.py FOLDER

FOLDER is one of tiny_bert.py, with the run `taught` of a teacher and its export
`teacher`. A run learns nothing, so that its loss is the weight of the text, times what is
the same in all: the ratio of two is that of the weights, (1 + t) lambda(p), where p is
what `graft predict` says that the teacher gives to the label.
"""

import json
import math
import pathlib
import subprocess
import sys


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True,
                          text=True, check=True).stdout


def loss(folder, text, label, other):
    """That of the layers, where each of two domains has the text, with a label."""
    tables = []
    for name, answer in (("own", label), ("far", other)):
        table = folder / f"{name}-text.tsv"
        table.write_text(f"label\ttext\n{answer}\t{text}\n")
        tables.append(table)
    run("graft", "train", "page:meta_kd", "--model", f"model={folder / 'model'}",
        "--model", f"teacher={folder / 'teacher'}", f"--data=train={tables[0]}",
        f"--data=other={tables[1]}", "--set", "rate=0", "--set", "layer_rate=0",
        "--set", "layer_epochs=1", "--set", "epochs=1", "--dropout", "0",
        "--log-every", "1", "--output", folder / "one", "--overwrite", "--quiet")
    lines = (folder / "one" / "metrics.jsonl").read_text().splitlines()
    (value,) = [row["layers_loss"] for row in map(json.loads, lines)
                if "layers_loss" in row]
    return value


def near(got, wanted):
    return abs(got / wanted - 1) < 2e-5


def main():
    folder = pathlib.Path(sys.argv[1])
    rows = (folder / "train.tsv").read_text().splitlines()[1:]
    said = map(json.loads, run(
        "graft", "predict", folder / "taught" / "model.graft", "--data",
        folder / "train.tsv", "--json").splitlines())
    # Where the teacher is surest: how sure it is of one depends on rounding.
    p, text = max(
        (({label["label"]: label["probability"] for label in row["labels"]},
          line.split("\t")[1]) for row, line in zip(said, rows, strict=True)),
        key=lambda pair: max(pair[0].values()))
    print("the teacher says", p)
    assert len(p) == 3 and max(p.values()) > 0.7 and min(p.values()) < 0.2
    # Each text is its own centroid in both domains: t = 1.
    losses = {label: loss(folder, text, label, label) for label in p}
    best = max(p, key=p.get)
    scale = losses[best] * (1 + math.exp((1 - p[best])**2))
    for label, share in p.items():
        assert near(losses[label], scale / (1 + math.exp((1 - share)**2))), losses
        assert label == best or losses[label] < losses[best], losses
    # The other domain has no text of the class: t = 0.5, of own alone.
    second = next(label for label in p if label != best)
    assert near(loss(folder, text, best, second), 0.75 * losses[best])
    print("weights agree")


if __name__ == "__main__":
    main()
