# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Trains the pages beside this file on small problems whose answers are known, with
five seeds each, and checks what must hold.

    check.py moons|shift|critic|weights|teacher|tasks|gradients|noise|sine FOLDER

The bounds are those of calibration.json, which reference/toys.py made: it trains the
same networks on the same tables in PyTorch. Prints what was measured.
"""

import json
import math
import pathlib
import statistics
import struct
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
        # Launches are too small for more.
        "--threads", "1", *options)
    return output / "model.graft"


def accuracy(artifact, table):
    return 100 * json.loads(run("graft", "evaluate", artifact, "--data", table,
                                "--json"))["accuracy"]


def error(artifact, table, *options):
    """The mean squared error of a regression."""
    return json.loads(run("graft", "evaluate", artifact, "--data", table, "--json",
                          *options))["mse"]


def tensors(path):
    """Lists of the numbers of a checkpoint, by their names."""
    data = path.read_bytes()
    (size,) = struct.unpack("<Q", data[:8])
    return {name: [x for (x,) in struct.iter_unpack(
        "<f", data[8 + size:][slice(*spec["data_offsets"])])]
            for name, spec in json.loads(data[8:8 + size]).items()
            if name != "__metadata__" and spec["dtype"] == "F32"}


def dot(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True))


def cosine(a, b):
    return dot(a, b) / math.sqrt(dot(a, a) * dot(b, b))


def scores(artifact, table, *options):
    """Of each row, what a model of one output says."""
    return [json.loads(line)["score"] for line in run(
        "graft", "predict", artifact, "--data", table, "--json",
        *options).splitlines()]


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


PROJECT = ("minimise %loss", "minimise %loss weighing @surgery::@project")
ONE_HEAD = ("@heads::@second(%g)", "@heads::@first(%g)")
ONE_FEATURE = (("!features = tensor<?x2x", "!features = tensor<?x1x"),
               ("!map = tensor<2x", "!map = tensor<1x"),
               ("!head = tensor<1x2x", "!head = tensor<1x1x"),
               *((f'@{task}.weight : !head initial "normal" deviation 0.3',
                  f'@{task}.weight : !head initial "ones"')
                 for task in ("first", "second")))
SGD = ("adam rate linear", "sgd rate constant")


def change(page, target, *changes):
    """A copy of a page, with other words in it."""
    text = (HERE / page).read_text()
    for old, new in changes:
        demand(text.count(old) == 1, f"{page} to have {old} once")
        text = text.replace(old, new)
    target.write_text(text)
    return target


def tasks(folder):
    """Errors of a task of 12 rows, alone and with one of 200 that is as hard."""
    bounds = BOUNDS["tasks"]
    methods = {"alone": ((), ("--set", "share=0")), "shared": ((), ()),
               "pcgrad": ((PROJECT,), ()), "one_head": ((ONE_HEAD,), ())}
    # One feature is all that tasks of one direction need, with heads of one sign; where
    # these differ, a single feature may stay between the tasks.
    plan = {(1, 1): ("alone", "shared"), (1, 0): ("shared",),
            (2, -1): ("alone", "shared", "pcgrad", "one_head")}
    measured = []
    for seed in SEEDS:
        measured.append(found := {})
        for (width, rho), names in plan.items():
            here = folder / f"{seed}-{rho}"
            here.mkdir(exist_ok=True)
            tables.write_tasks(here, seed, rho)
            for name in names:
                changes, options = methods[name]
                page = change("tasks.mlir", here / f"{name}.mlir", *changes,
                              *(ONE_FEATURE if width == 1 else ()))
                found[name, rho] = error(
                    train(page, here / name, seed,
                          {task: here / f"{task}.tsv"
                           for task in ("first", "second")},
                          "--batch-size", "50", *options),
                    here / "test.tsv")
        print(f"seed {seed}: " + ", ".join(
            f"{name} {rho} {value:.3f}" for (name, rho), value in found.items()),
              flush=True)

    def errors(name, rho):
        return [found[name, rho] for found in measured]

    for rho in (1, -1):  # before anything is claimed
        demand(min(errors("alone", rho)) >= bounds["alone"], "12 rows not to be "
               f"enough, got errors of {errors('alone', rho)}")
    gains = [alone / shared for alone, shared in zip(errors("alone", 1),
                                                     errors("shared", 1))]
    demand(min(gains) >= bounds["gain"], "an equal task to divide the error by "
           f"{bounds['gain']} with each seed, got {gains}")
    for name in ("shared", "pcgrad"):
        demand(statistics.mean(errors(name, -1)) <=
               statistics.mean(errors("alone", -1)), f"{name} to be no worse for an "
               f"opposite task, got {errors(name, -1)}, {errors('alone', -1)} alone")
    # Unrelated tasks have no feature in common, opposite ones no head.
    for name, rho in (("shared", 0), ("one_head", -1)):
        demand(min(errors(name, rho)) >= bounds["apart"], f"{name} to have errors of "
               f"{bounds['apart']} at least, got {errors(name, rho)}")
    print("tasks hold")


def gradients(folder):
    """What the weights of pcgrad make of the gradients of two tasks."""
    signs = {True: 0, False: 0}
    for seed in SEEDS:
        for rho in (1, -1):
            here = folder / f"{seed}-{rho}"
            here.mkdir(exist_ok=True)
            tables.write_tasks(here, seed, rho)

            def step(name, *options, project=()):
                """Minus the gradient of the encoder, by one step of sgd."""
                output = here / name
                train(change("tasks.mlir", here / f"{name}.mlir", SGD, *project),
                      output, seed, {task: here / f"{task}.tsv"
                                     for task in ("first", "second")},
                      "--batch-size", "200", "--max-steps", "1",
                      "--checkpoint-every", "1", *options)
                return tensors(output / "checkpoint-000000001.safetensors")[
                    "encoder.weight"]

            start = step("start", "--set", "rate=0")
            one, summed, projected = (
                [x - y for x, y in zip(step(*arguments, project=change), start)]
                for arguments, change in (
                    (("one", "--set", "rate=1", "--set", "share=0"), ()),
                    (("summed", "--set", "rate=1"), ()),
                    (("projected", "--set", "rate=1"), (PROJECT,))))
            other = [x - y for x, y in zip(summed, one)]
            against = cosine(one, other) < 0
            signs[against] += 1
            print(f"seed {seed}, rho {rho}: cosine {cosine(one, other):.4f}, of sum "
                  f"and projection {cosine(summed, projected):.4f}")
            if not against:
                demand(cosine(summed, projected) > 1 - 1e-9 and
                       abs(dot(projected, projected) / dot(summed, summed) - 1) <
                       1e-4, "the sum where gradients agree")
                continue
            # Of g, what is left is normal to h: so g meets only what is left of it.
            for g, h in ((one, other), (other, one)):
                left = dot(g, g) - dot(g, h)**2 / dot(h, h)
                demand(abs(dot(projected, g) - left) <= 1e-3 * dot(g, g),
                       f"a product of {left}, got {dot(projected, g)}")
    demand(min(signs.values()) >= 2, f"gradients of both kinds, got {signs}")
    print("gradients hold")


def noise(folder):
    """Where the weights of tasks settle that weigh themselves."""
    bounds = BOUNDS["noise"]
    for seed in SEEDS[:2]:
        here = folder / str(seed)
        here.mkdir(exist_ok=True)
        tables.write_tasks(here, seed, 0, noises=bounds["noises"])
        data = {"first": here / "first_many.tsv", "second": here / "second.tsv"}

        def weights(name, **settings):
            """The last weights of a run, whose batches are all rows."""
            epochs = {"epochs": 600, "settle_epochs": 400, **settings}
            steps = epochs["epochs"] + epochs["settle_epochs"] + 1
            train(HERE / "tasks_noise.mlir", here / name, seed, data,
                  "--batch-size", "200", "--checkpoint-every",
                  steps, *(f"--set={key}={value}" for key, value in epochs.items()))
            return tensors(here / name / f"checkpoint-{steps:09}.safetensors")

        # All learn: exp(s) = 2 L.
        learnt = weights("learnt")
        ratios = []
        for head, path in data.items():
            found = error(here / "learnt" / "model.graft", path, "--head", head)
            ratios.append(math.exp(learnt[f"noise.{head}_log"][0]) / (2 * found))
        print(f"seed {seed}: exp(s) / 2 L {ratios}")
        demand(all(abs(ratio - 1) <= bounds["weight"] for ratio in ratios),
               f"exp(s) to be 2 L, got {ratios} of it")

        # The network stays while the weights settle: then its gradient is one.
        start = weights("start", rate=0, epochs=1, settle_epochs=1)
        moved = []
        for scale in (1, 100):
            after = weights(f"scaled_{scale}", rate=0, epochs=1, step_rate=0.1,
                            scale=scale)
            moved.append([x - y for x, y in zip(after["encoder.weight"],
                                                start["encoder.weight"])])
        unsettled = []
        for scale in (1, 100):
            after = weights(f"plain_{scale}", rate=0, epochs=1, settle_epochs=1,
                            step_rate=0.1 / scale, scale=scale)
            unsettled.append([x - y for x, y in zip(after["encoder.weight"],
                                                    start["encoder.weight"])])
        same, other = cosine(*moved), cosine(*unsettled)
        print(f"seed {seed}: direction {same:.6f}, {other:.4f} with equal weights")
        demand(other <= bounds["unsettled"], "a factor of 100 to turn the gradient "
               f"where weights are equal, got a cosine of {other}")
        demand(same >= bounds["settled"], "a factor of 100 not to turn the gradient "
               f"where the weights have settled, got a cosine of {same}")
    print("noise holds")


def begin_waves(here, seed):
    """The files of parameters that training on many waves leaves, and how wrong these
    are of new ones before any step on them."""
    plain = ("--features", "x")
    tasks = here / "tasks.tsv"
    maml = ("--batch-size", "10", "--task-column", "support=task", "--task-column",
            "query=task", "--evaluate-every", "12000", *plain)
    joint = ("--batch-size", "20", "--evaluate-every", "12000", *plain)
    runs = {"first": ("sine_maml", ("support", "query"), maml),
            "second": ("sine_maml", ("support", "query"), (*maml, "--set", "order=2")),
            "joint": ("sine", ("train",), joint)}
    before = {}
    for name, (page, streams, options) in runs.items():
        # Evaluated at the end alone, so that the best parameters are the last.
        artifact = train(HERE / f"{page}.mlir", here / name, seed,
                         {**dict.fromkeys(streams, tasks), "dev": here / "new_0.tsv"},
                         *options)
        before[name] = statistics.mean(
            error(artifact, here / f"new_{i}_query.tsv")
            for i in range(tables.NEW_WAVES))
    return before


def sine(folder):
    bounds = BOUNDS["sine"]
    page = folder / "steps.mlir"
    page.write_text((HERE / "sine.mlir").read_text().replace(
        "adam rate linear", "sgd rate constant"))
    found = []
    for seed in SEEDS:
        here = folder / str(seed)
        here.mkdir(exist_ok=True)
        tables.write_sine(here, seed)
        before = begin_waves(here, seed)
        demand(min(before.values()) >= bounds["before"], "waves that no beginning "
               f"knows, an error of {bounds['before']}, got {before}, seed {seed}")
        after = {}
        for name in before:
            errors = []
            for i in range(tables.NEW_WAVES):
                artifact = train(
                    page, here / "steps", seed, {"train": here / f"new_{i}.tsv"},
                    "--features", "x", "--batch-size", "10",
                    "--set", "rate=0.01", "--set", "epochs=3", "--initial",
                    here / name / "best.safetensors")
                errors.append(error(artifact, here / f"new_{i}_query.tsv"))
            after[name] = statistics.mean(errors)
        print(f"seed {seed}: after three steps " + ", ".join(
            f"{name} {after[name]:.3f} (before {before[name]:.3f})"
            for name in after))
        found.append(after)
    for name, bound in bounds["order"].items():
        better = sum(after[name] * bound["each"] <= after["joint"]
                     for after in found)
        demand(better >= bound["seeds"], f"{bound['each']} times less of an error for "
               f"{name} than for all tasks together with {bound['seeds']} seeds of 5, "
               f"got {found}")
    mean = {name: statistics.mean(after[name] for after in found)
            for name in found[0]}
    demand(mean["second"] * bounds["mean"] <= mean["joint"], f"{bounds['mean']} times "
           f"less of an error in the mean by second order, got {mean}")
    demand(mean["second"] <= mean["first"], "no more of an error by second order than "
           f"by first, got {mean}")
    print("waves hold")


def main():
    kind, folder = sys.argv[1:]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    globals()[kind](folder)


if __name__ == "__main__":
    main()
