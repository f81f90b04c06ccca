# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Trains the pages beside this file on small problems whose answers are known, with
five seeds each, and checks what must hold.

    check.py moons|shift|critic|weights|teacher FOLDER

The bounds are those of calibration.json, which reference/toys.py made: it trains the
same networks on the same tables in PyTorch. Prints what was measured.
"""

import json
import math
import pathlib
import statistics
import subprocess
import sys

import tables

HERE = pathlib.Path(__file__).parent
SEEDS = range(5)
BOUNDS = json.loads((HERE / "calibration.json").read_text())["bounds"]


def run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True,
                          text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}: {done.stderr}")
    return done.stdout


def train(page, output, seed, data, *options):
    """The artifact of a run; `data` are tables by the names of streams."""
    run("graft", "train", page, *(f"--data={name}={path}" for name, path in
                                  data.items()),
        "--shuffle", "--seed", seed, "--output", output, "--overwrite", "--quiet",
        *options)
    return output / "model.graft"


def accuracy(artifact, table):
    return 100 * json.loads(run("graft", "evaluate", artifact, "--data", table,
                                "--json"))["accuracy"]


def scores(artifact, table):
    """Of each row, what a model of one output says."""
    return [json.loads(line)["score"] for line in run(
        "graft", "predict", artifact, "--data", table, "--json").splitlines()]


def demand(holds, text):
    if not holds:
        sys.exit(f"expects {text}")


def moons(folder):
    angle = BOUNDS["moons"]["angle"]
    coral = folder / "coral.mlir"
    coral.write_text((HERE / "moons_penalty.mlir").read_text().replace(
        "penalty mmd", "penalty coral"))
    both = ("source", "target")
    methods = {"source": (HERE / "moons_source.mlir", {"source": "source"}),
               "oracle": (HERE / "moons_source.mlir", {"source": "oracle"}),
               "dann": (HERE / "moons_dann.mlir", dict(zip(both, both))),
               "mmd": (HERE / "moons_penalty.mlir", dict(zip(both, both))),
               "coral": (coral, dict(zip(both, both)))}
    found = {method: [] for method in methods}
    for seed in SEEDS:
        here = folder / str(seed)
        here.mkdir(exist_ok=True)
        tables.write_moons(here, seed, angle)
        for method, (page, streams) in methods.items():
            artifact = train(page, here / method, seed, {
                name: here / f"{table}.tsv" for name, table in streams.items()},
                "--batch-size", "100")
            found[method].append(accuracy(artifact, here / "test.tsv"))
            if method == "oracle":  # before anything is claimed
                demand(found["source"][-1] <= 80, "a source that says at most 80 % "
                       f"of the target, got {found['source'][-1]:.1f}, seed {seed}")
                demand(found["oracle"][-1] >= 97, "labels of the target that say 97 "
                       f"% of it, got {found['oracle'][-1]:.1f}, seed {seed}")
    for method, values in found.items():
        print(f"{method}: {', '.join(f'{value:.1f}' for value in values)}, "
              f"mean {statistics.mean(values):.1f}")
    for method, bound in BOUNDS["moons"]["gain"].items():
        gains = [value - base for value, base in zip(found[method],
                                                     found["source"])]
        better = sum(gain >= bound["each"] for gain in gains)
        demand(better >= bound["seeds"], f"{method} to gain {bound['each']} points "
               f"with {bound['seeds']} seeds of 5, got {gains}")
        demand(statistics.mean(gains) >= bound["mean"], f"{method} to gain "
               f"{bound['mean']} points in the mean, got {gains}")
    print("moons hold")


def moved(artifact, table):
    """By how much the page shift.mlir has moved the rows of `table`."""
    rows = [float(line) for line in table.read_text().split()[1:]]
    return statistics.mean(scores(artifact, table)) - statistics.mean(rows)


def shift(folder):
    mean = BOUNDS["shift"]["mean"]
    page = (HERE / "shift.mlir").read_text()
    for seed in SEEDS:
        here = folder / str(seed)
        here.mkdir(exist_ok=True)
        tables.write_shift(here, seed, mean)
        target = here / "target.tsv"
        data = {"source": here / "source.tsv", "target": target}
        by = {}
        for kind in ("mmd", "coral"):
            (here / f"{kind}.mlir").write_text(page.replace("penalty mmd",
                                                            f"penalty {kind}"))
            by[kind] = moved(train(here / f"{kind}.mlir", here / kind, seed, data,
                                   "--batch-size", "200"), target)
        print(f"seed {seed}: mmd moves by {by['mmd']:.4f}, coral by "
              f"{by['coral']:.1e}")
        demand(abs(by["mmd"] + mean) <= BOUNDS["shift"]["mmd"], "mmd to find the "
               f"shift of {mean}, got {-by['mmd']}")
        demand(abs(by["coral"]) <= BOUNDS["shift"]["coral"],
               f"coral to see no shift, got {by['coral']}")
    print("shift holds")


def critic(folder):
    bounds = BOUNDS["critic"]
    for seed in SEEDS:
        here = folder / str(seed)
        here.mkdir(exist_ok=True)
        tables.write_shift(here, seed, bounds["mean"])
        data = {name: here / f"{name}.tsv" for name in ("source", "target")}
        artifact = train(HERE / "critic.mlir", here / "critic", seed, data,
                         "--batch-size", "200")
        said = [statistics.mean(scores(artifact, path)) for path in data.values()]
        weight = (scores(artifact, here / "grid.tsv")[-1] /
                  float((here / "grid.tsv").read_text().split()[-1]))
        distance = abs(said[0] - said[1]) / abs(weight)
        print(f"seed {seed}: distance {distance:.4f}, slope {abs(weight):.4f}")
        demand(abs(distance / bounds["mean"] - 1) <= 0.05,
               f"a distance of {bounds['mean']} within 5 %, got {distance}")
        # What minimises -|w| distance + 10 (|w| - 1)^2.
        slope = 1 + abs(distance) / 20
        demand(abs(abs(weight) / slope - 1) <= bounds["slope"],
               f"a slope of {slope}, got {abs(weight)}")
    print("critic holds")


def line(points):
    """Slope, intercept and the largest distance from the line through `points`."""
    (x0, y0), (x1, y1) = points[0], points[-1]
    slope = (y1 - y0) / (x1 - x0)
    return slope, y0 - slope * x0, max(abs(y - y0 - slope * (x - x0))
                                       for x, y in points)


def weights(folder):
    bounds = BOUNDS["weights"]
    for seed in SEEDS:
        for mean in (bounds["mean"], 0.0):
            here = folder / f"{seed}-{mean}"
            here.mkdir(exist_ok=True)
            tables.write_shift(here, seed, mean, count=10000)
            artifact = train(HERE / "weights.mlir", here / "run", seed, {
                name: here / f"{name}.tsv" for name in ("source", "target")},
                "--batch-size", "200")
            grid = [float(x) for x in
                    (here / "grid.tsv").read_text().split()[1:]]
            slope, _, off = line(list(zip(grid, scores(artifact,
                                                       here / "grid.tsv"))))
            demand(off <= 1e-4, f"a logarithm of weights that is linear, got {off}")
            if mean:
                print(f"seed {seed}: slope {slope:.4f} of {mean}")
                demand(abs(slope / mean - 1) <= 0.1, "a slope of mu / sigma^2 = "
                       f"{mean} within 10 %, got {slope}")
                continue
            found = [math.exp(value) for value in
                     scores(artifact, here / "source.tsv")]
            share = sum(abs(w - 1) <= 0.1 for w in found) / len(found)
            print(f"seed {seed}: equal domains, weights of mean "
                  f"{statistics.mean(found):.4f}, {100 * share:.1f} % within 0.1")
            demand(abs(statistics.mean(found) - 1) <= 0.02 and
                   share >= bounds["equal_share"],
                   f"weights of about 1 for equal domains, got {share}")
    print("weights hold")


def teacher(folder):
    gains = []
    for seed in SEEDS:
        here = folder / str(seed)
        here.mkdir(exist_ok=True)
        tables.write_teacher(here, seed)
        found = []
        for page, table, options in (
                ("student_labels", "few", ()),
                ("student_soft", "many", ("--soft-column", "logits"))):
            artifact = train(HERE / f"{page}.mlir", here / page, seed,
                             {"train": here / f"{table}.tsv"}, "--batch-size",
                             "50", *options)
            found.append(accuracy(artifact, here / "test.tsv"))
        gains.append(found[1] - found[0])
        print(f"seed {seed}: labels {found[0]:.1f}, soft targets {found[1]:.1f}")
    demand(min(gains) >= BOUNDS["teacher"]["gain"], "soft targets to gain "
           f"{BOUNDS['teacher']['gain']} points with each seed, got {gains}")
    print("teacher holds")


def main():
    kind, folder = sys.argv[1:]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    globals()[kind](folder)


if __name__ == "__main__":
    main()
