# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""As check.py, of methods that tell which rows of a source are good.

    check_noisy.py rtl|mgtl|blob|importance|similarity FOLDER

What is told of the noisy source is judged by areas: how likely a clean row has more
than one of the noise, of all of it or of its flipped or shifted rows. The bounds are
those of calibration.json, from what reference/noisy_source.py measures.
"""

import bisect
import json
import math
import pathlib
import random
import statistics
import sys

import noisy
import tables
from check import BOUNDS, HERE, SEEDS, demand, run, scores, train

# Of the rows and points that tables have.
SOURCE, POINTS = (("--batch-size", size) for size in (10, 50))
WORDS = ("--features", ",".join(f"t{i}" for i in range(noisy.VOCABULARY)))


def streams(here, *names):
    return {name: here / f"{name}.tsv" for name in names}


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else 1 - 1 / (1 + math.exp(x))


def area(right, wrong):
    """How likely one of the first numbers is larger than one of the second."""
    wrong = sorted(wrong)
    below = sum(bisect.bisect_left(wrong, x) + bisect.bisect_right(wrong, x)
                for x in right)
    return below / (2 * len(right) * len(wrong))


def areas(told, tags):
    """By kind of noise, and how much more clean rows have in the mean."""
    by = {tag: [x for x, own in zip(told, tags, strict=True) if own == tag]
          for tag in ("clean", "flipped", "shifted")}
    bad = by["flipped"] + by["shifted"]
    return {"noise": area(by["clean"], bad),
            "flipped": area(by["clean"], by["flipped"]),
            "shifted": area(by["clean"], by["shifted"]),
            "gap": statistics.mean(by["clean"]) - statistics.mean(bad)}


def say(seed, found):
    print(f"seed {seed}: " + ", ".join(f"{name} {value:.3f}"
                                       for name, value in found.items()), flush=True)


def demand_at_least(bounds, found, seed):
    for name, value in found.items():
        demand(value >= bounds.get(name, value), f"{name} to be {bounds.get(name)} at "
               f"least, got {value}, seed {seed}")


def begin(folder, seed):
    """The folder of a seed with its tables, and the tags of the source."""
    here = folder / str(seed)
    here.mkdir(exist_ok=True)
    noisy.write_noisy(here, seed)
    return here, (here / "tags.tsv").read_text().splitlines()[1:]


def chances(artifact, here):
    """With what probability each row of the source is selected."""
    run("graft", "predict", artifact, "--head", "chosen", "--data",
        here / "source.tsv", "--logits", "--output", here / "chosen.jsonl")
    logits = [json.loads(line)["logits"] for line in
              (here / "chosen.jsonl").read_text().splitlines()]
    return [sigmoid(row["1"] - row["0"]) for row in logits]


def select(method, here, seed, tags, *options):
    """What a method selects, and its areas."""
    artifact = train(HERE / f"noisy_{method}.mlir", here / "run", seed,
                     streams(here, "source", "target", "validation"), *SOURCE, *options)
    told = chances(artifact, here)
    found = areas(told, tags)
    say(seed, found)
    return told, found


def demand_mean(method, found):
    values = [one["noise"] for one in found]
    demand(statistics.mean(values) >= BOUNDS[method]["mean"],
           f"areas of {BOUNDS[method]['mean']} in the mean, got {values}")


def rtl(folder):
    found = []
    for seed in SEEDS:
        here, tags = begin(folder, seed)
        found.append(select("rtl", here, seed, tags)[1])
        demand_at_least(BOUNDS["rtl"], found[-1], seed)
    demand_mean("rtl", found)


def reach(here, seed, name, keep):
    """Steps until plain training on these rows of the source says 90 % right."""
    header, *rows = (here / "source.tsv").read_text().splitlines()
    (here / "part.tsv").write_text("\n".join(
        [header, *(row for row, kept in zip(rows, keep, strict=True) if kept), ""]))
    train(HERE / "noisy_mgtl.mlir", here / name, seed,
          {**streams(here, "target", "validation"), "source": here / "part.tsv",
           "dev_label": here / "test.tsv"}, *SOURCE, "--evaluate-every", "10",
          "--set", "rate=4e-4", "--set", "warm_epochs=100", "--max-steps", "800")
    for line in (here / name / "metrics.jsonl").read_text().splitlines():
        if json.loads(line).get("dev_label_score", 0) >= 0.9:
            return json.loads(line)["step"]
    sys.exit(f"expects {name} rows to say 90 % right, seed {seed}")


def mgtl(folder):
    bounds = BOUNDS["mgtl"]
    found, ratios = [], []
    for seed in SEEDS:
        here, tags = begin(folder, seed)
        everything = reach(here, seed, "all", [True] * len(tags))
        clean = reach(here, seed, "clean", [tag == "clean" for tag in tags])
        # Before anything is claimed.
        demand(clean <= bounds["hinders"] * everything, "noise to hinder, clean rows "
               f"to need {bounds['hinders']} of {everything} steps, got {clean}, seed "
               f"{seed}")
        told, values = select("mgtl", here, seed, tags)
        demand_at_least(bounds, values, seed)
        found.append(values)
        # What the discriminator alone is worth, which sees no labels.
        _, alone = select("mgtl", here, seed, tags, "--set", "share=1")
        demand(alone["shifted"] >= bounds["alone"] >= alone["flipped"], "the "
               f"discriminator alone to find shifted rows, an area of {bounds['alone']}, "
               f"and not flipped ones, got {alone}, seed {seed}")
        draw = random.Random(seed)
        selected = reach(here, seed, "selected",
                         [draw.random() <= chance for chance in told])
        print(f"seed {seed}: {selected} steps, of all rows {everything}, clean {clean}")
        demand(selected < everything, f"selected rows to need less than {everything} "
               f"steps, got {selected}, seed {seed}")
        ratios.append(selected / everything)
    demand_mean("mgtl", found)
    demand(statistics.mean(ratios) <= bounds["steps"], "selected rows to need "
           f"{bounds['steps']} of the steps in the mean, got {ratios}")


def blob(folder):
    bounds = BOUNDS["blob"]
    for seed in SEEDS:
        here = folder / str(seed)
        here.mkdir(exist_ok=True)
        rows = noisy.blob(random.Random(seed))
        for name, points in rows.items():
            tables.write(here / f"{name}.tsv", ("x", "y"), [row[:2] for row in points])
        far = [row[2] == "far" for row in rows["source"]]

        def game(**settings):
            """The share of far points among the selected; how often the discriminator
            is right, of as many selected points and ones of the target; what it says
            of the target beyond what it would where they are alike."""
            artifact = train(HERE / "blob.mlir", here / "run", seed,
                             streams(here, "source", "target"), *POINTS,
                             *(f"--set={key}={value}"
                               for key, value in settings.items()))
            chance = [sigmoid(x) for x in scores(artifact, here / "source.tsv",
                                                 "--head", "chosen")]
            ours, theirs = (scores(artifact, here / f"{name}.tsv", "--head", "domain")
                            for name in rows)
            right = (sum(x for x, said in zip(chance, ours) if said <= 0) /
                     sum(chance), statistics.mean(said > 0 for said in theirs))
            guess = 1 / (1 + statistics.mean(chance))
            return {"far": sum(x for x, is_far in zip(chance, far) if is_far) /
                    sum(chance),
                    "right": statistics.mean(right),
                    "beyond": statistics.mean(map(sigmoid, theirs)) - guess}

        still = game(speed=0)  # before anything is claimed
        say(seed, still)
        demand(still["right"] >= bounds["tells"] and still["far"] >= 0.45, "a "
               f"discriminator to be {bounds['tells']} right where nothing is learnt "
               f"of it, got {still}, seed {seed}")
        found = game()
        say(seed, found)
        demand(abs(found["right"] - 0.5) <= 0.05, "a discriminator that is right half "
               f"of the time, within 0.05, got {found}, seed {seed}")
        demand(abs(found["beyond"]) <= bounds["beyond"], "a discriminator that says no "
               f"more than a guess, got {found}, seed {seed}")
        demand(found["far"] <= bounds["far"], f"{bounds['far']} far points at most "
               f"among the selected, got {found}, seed {seed}")


def weigh(method, folder):
    """Weights by rows alone, which know nothing of labels."""
    bounds = BOUNDS[method]
    for seed in SEEDS:
        here, tags = begin(folder, seed)
        artifact = train(HERE / f"noisy_{method}.mlir", here / "run", seed,
                         streams(here, "source", "target"), *WORDS,
                         "--batch-size", "60")
        found = areas(scores(artifact, here / "source.tsv"), tags)
        say(seed, found)
        demand_at_least(bounds, found, seed)
        demand(abs(found["flipped"] - 0.5) <= bounds["blind"], f"{method} not to see "
               f"flipped labels, an area of 0.5, got {found}, seed {seed}")


def importance(folder):
    weigh("importance", folder)


def similarity(folder):
    weigh("similarity", folder)


def main():
    kind, folder = sys.argv[1:]
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    globals()[kind](folder)
    print(f"{kind} holds")


if __name__ == "__main__":
    main()
