# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Writes the tables of small problems whose answers are known.

    tables.py moons FOLDER SEED [ANGLE]  two half circles, one for each label:
        source.tsv; target.tsv and oracle.tsv, the same rows turned by ANGLE degrees
        without and with labels; test.tsv, others of the target
    tables.py shift FOLDER SEED MU       source.tsv of N(0, 1) and target.tsv of
        N(MU, 1), a number each; scale.tsv of N(0, 9); grid.tsv
    tables.py tasks FOLDER SEED RHO      two tasks that are linear in 16 numbers: y1 = w x,
        y2 = (RHO w + sqrt(1 - RHO^2) v) x, and noise; first.tsv, 12 rows of the first;
        first_many.tsv and second.tsv, 200 of each; test.tsv of the first
    tables.py teacher FOLDER SEED        what a random network of 16 numbers says:
        few.tsv, 100 labels; many.tsv, its logits for 5,000 others; test.tsv
    tables.py sine FOLDER SEED           points of sine waves, each a task of its own:
        tasks.tsv, 20 of each of 200; of five others, new_0.tsv, 10 points to learn
        from, new_0_query.tsv, 100 more, and so on
"""

import math
import pathlib
import random
import sys

MOONS = 500  # of each label
CENTRE = (0.5, 0.25)
INPUTS, HIDDEN, CLASSES = 16, 64, 4
WAVES, NEW_WAVES = 200, 5


def moons(draw, angle):
    """Rows of x, y and the label, in random order."""
    turn = math.radians(angle)
    rows = []
    for label in (0, 1):
        for _ in range(MOONS):
            t = draw.uniform(0, math.pi)
            x, y = math.cos(t), math.sin(t)
            if label == 1:
                x, y = 1 - x, 0.5 - y
            x += draw.gauss(0, 0.05) - CENTRE[0]
            y += draw.gauss(0, 0.05) - CENTRE[1]
            rows.append((x * math.cos(turn) - y * math.sin(turn),
                         x * math.sin(turn) + y * math.cos(turn), label))
    draw.shuffle(rows)
    return rows


def write(path, names, rows):
    """Numbers as a float has them, so that all readers get the same ones."""
    with open(path, "w", encoding="utf-8") as file:
        print(*names, sep="\t", file=file)
        for row in rows:
            print(*(f"{cell:.9g}" if isinstance(cell, float) else cell
                    for cell in row), sep="\t", file=file)


def write_moons(folder, seed, angle):
    draw = random.Random(seed)
    names = ("x", "y", "label")
    write(folder / "source.tsv", names, moons(draw, 0))
    target = moons(draw, angle)
    write(folder / "target.tsv", names[:2], [row[:2] for row in target])
    write(folder / "oracle.tsv", names, target)
    write(folder / "test.tsv", names, moons(draw, angle))


def write_shift(folder, seed, mean, count=2000):
    draw = random.Random(seed)
    for name, centre, deviation in (("source", 0, 1), ("target", mean, 1),
                                    ("scale", 0, 3)):
        rows = [(draw.gauss(centre, deviation),) for _ in range(count)]
        write(folder / f"{name}.tsv", ("x",), rows)
    write(folder / "grid.tsv", ("x",), [(i / 10,) for i in range(-20, 31)])


class Network:
    """Layers of 16, 64, 64 and 4, whose weights are drawn."""

    def __init__(self, draw):
        sizes = (INPUTS, HIDDEN, HIDDEN, CLASSES)
        self.layers = [
            [[draw.gauss(0, math.sqrt(2 / width)) for _ in range(width)]
             for _ in range(height)]
            for width, height in zip(sizes, sizes[1:])]

    def logits(self, x):
        for i, layer in enumerate(self.layers):
            x = [sum(w * v for w, v in zip(row, x)) for row in layer]
            if i + 1 < len(self.layers):
                x = [max(v, 0.0) for v in x]
        return x


def write_teacher(folder, seed):
    network = Network(random.Random(1))  # one for all seeds
    draw = random.Random(seed)
    inputs = [f"x{i}" for i in range(INPUTS)]

    def rows(count, soft=False):
        for _ in range(count):
            x = [draw.gauss(0, 1) for _ in range(INPUTS)]
            said = network.logits(x)
            yield x + (said if soft else [said.index(max(said))])

    targets = [f"logits.{label}" for label in range(CLASSES)]
    write(folder / "few.tsv", inputs + ["label"], rows(100))
    write(folder / "many.tsv", inputs + targets, rows(5000, soft=True))
    write(folder / "test.tsv", inputs + ["label"], rows(1000))


def write_tasks(folder, seed, rho, noises=(0.1, 0.1)):
    draw = random.Random(seed)

    def unit(*others):
        """A random direction, normal to the others."""
        x = [draw.gauss(0, 1) for _ in range(INPUTS)]
        for other in others:
            part = sum(a * b for a, b in zip(x, other))
            x = [a - part * b for a, b in zip(x, other)]
        length = math.sqrt(sum(a * a for a in x))
        return [a / length for a in x]

    w = unit()
    v = unit(w)
    second = [rho * a + math.sqrt(1 - rho**2) * b for a, b in zip(w, v)]

    def rows(count, direction, noise):
        for _ in range(count):
            x = [draw.gauss(0, 1) for _ in range(INPUTS)]
            yield x + [sum(a * b for a, b in zip(x, direction)) +
                       draw.gauss(0, noise)]

    names = [*(f"x{i}" for i in range(INPUTS)), "label"]
    for name, count, direction, noise in (
            ("first", 12, w, noises[0]), ("first_many", 200, w, noises[0]),
            ("second", 200, second, noises[1]), ("test", 1000, w, noises[0])):
        write(folder / f"{name}.tsv", names, rows(count, direction, noise))


def write_sine(folder, seed):
    draw = random.Random(seed)
    names = ("task", "x", "label")

    def wave(number, least=0.1, most=5):
        height, phase = draw.uniform(least, most), draw.uniform(0, math.pi)
        return lambda x: (number, x, height * math.sin(x - phase))

    def between(least, most, parts):
        """A number of each of these equal parts."""
        width = (most - least) / parts
        return [draw.uniform(least + i * width, least + (i + 1) * width)
                for i in range(parts)]

    waves = [wave(number) for number in range(WAVES)]
    write(folder / "tasks.tsv", names, [
        task(draw.uniform(-5, 5)) for task in waves for _ in range(20)])
    # Few, so that they are spread evenly.
    for number, height in enumerate(between(0.1, 5, NEW_WAVES)):
        task = wave(number, height, height)
        for name, count in ((f"new_{number}", 10), (f"new_{number}_query", 100)):
            write(folder / f"{name}.tsv", names, map(task, between(-5, 5, count)))


def main():
    kind, folder, seed, *rest = sys.argv[1:]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    if kind == "moons":
        write_moons(folder, int(seed), float(rest[0]) if rest else 40.0)
    elif kind == "shift":
        write_shift(folder, int(seed), float(rest[0]))
    elif kind == "tasks":
        write_tasks(folder, int(seed), float(rest[0]))
    elif kind == "sine":
        write_sine(folder, int(seed))
    else:
        write_teacher(folder, int(seed))


if __name__ == "__main__":
    main()
