# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Checks what follows a training against its checkpoints.

    averages.py average KEEP FOLDER...
        parameters of @average in the last FOLDER's checkpoint are the average of
        those of @model in all of them, which are of 0, 1, 2, ... updates
    averages.py start SHARE START FIRST SECOND PLAIN
        an update of FIRST to SECOND differs from that to PLAIN, which does not decay,
        by SHARE of the distance from START; by none where a name has "classifier"
    averages.py head FOLDER
        both models begin with the same values

Each FOLDER has one checkpoint.
"""

import pathlib
import sys

import weights

TOLERANCE = 1e-6


def read(folder):
    (path,) = pathlib.Path(folder).glob("checkpoint-*.safetensors")
    return weights.read_safetensors(path)


def agree(what, wanted, got, scale=1.0):
    worst = max(abs(a - b) for a, b in zip(wanted, got, strict=True))
    if worst > TOLERANCE * scale:
        sys.exit(f"{what}: differs by {worst}")


def names_of(tensors, model):
    return [name for name in tensors if name.startswith(model + ".")
            and not name.endswith(("moment", "gradient", ".start"))]


def average(keep, *folders):
    keep = float(keep)
    checkpoints = [read(folder) for folder in folders]
    names = names_of(checkpoints[-1], "average")
    for name in names:
        courses = [c["model" + name.removeprefix("average")]
                   for c in checkpoints]
        value = list(courses[0])
        for step, course in enumerate(courses[1:]):
            share = min(keep, (1 + step) / (10 + step))
            value = [share * a + (1 - share) * b
                     for a, b in zip(value, course, strict=True)]
        agree(name, value, checkpoints[-1][name])
    moved = sum(list(checkpoints[0][n]) != list(checkpoints[-1][n])
                for n in names)
    print(f"{len(names)} averages agree, {moved} moved")


def start(share, *folders):
    share = float(share)
    begin, first, second, plain = map(read, folders)
    pulled = 0
    for name in names_of(second, "model"):
        distance = [a - b for a, b in zip(first[name], begin[name])]
        part = 0.0 if "classifier" in name else share
        agree(name, [p - part * d for p, d in
                     zip(plain[name], distance, strict=True)], second[name])
        pulled += any(abs(part * d) > 2 * TOLERANCE for d in distance)
    print(f"{pulled} tensors are pulled back")


def head(folder):
    tensors = read(folder)
    names = names_of(tensors, "average")
    for name in names:
        if tensors[name] != tensors["model" + name.removeprefix("average")]:
            sys.exit(f"{name}: expects the value of the other model")
    print(f"{len(names)} begin alike")


if __name__ == "__main__":
    {"average": average, "start": start, "head": head}[sys.argv[1]](
        *sys.argv[2:])
