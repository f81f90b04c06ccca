# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Domain adaptation on reviews of two kinds of goods.

    adaptation.py --model DIRECTORY --data amazon4/ --work DIRECTORY
        [--source books] [--target kitchen] [--seeds 3] [--record FILE]

Trains with the labels of one domain and half of the texts of another, without their
labels, and tests on all other rows of the second domain. The baseline "source" uses the
first domain alone. "rtl" has labels of the second domain, those of 128 texts to learn
from and of 128 that rewards are measured on; its baseline "joint" learns from all 256
beside the first domain. "target" uses the labels of all texts of that half, which nobody
has in practice.
"""

from trials import COMMON, Table, Trial, graft, settings

METHODS = ("source", "dann", "mmd", "coral", "importance", "joint", "rtl", "target")
RECIPE = ("rate=5e-5", "epochs=3", "warmup=0.1", "clip=1")
# Pages that begin with a pass over all of the source.
RECIPES = {"rtl": ("rate=5e-5", "epochs=2", "warm_epochs=1", "clip=1")}
LABELLED = 128


def main():
    trial = Trial(__doc__, ("source", "books"), ("target", "kitchen"))
    options, work = trial.options, trial.options.work
    rows, dev = (Table.read(options.data / name) for name in ("train.tsv", "dev.tsv"))
    theirs = rows.select(domain=options.target).shuffled(1)
    half = len(theirs) // 2
    ours = rows.select(domain=options.source)
    few, judged = theirs[:LABELLED], theirs[LABELLED:2 * LABELLED]
    tables = {
        "source": ours.write(work / "source.tsv"),
        "texts": theirs[:half].write(work / "texts.tsv", labels=False),
        "target": theirs[:half].write(work / "target.tsv"),
        "joint": (ours + few + judged).write(work / "joint.tsv"),
        "few": few.write(work / "few.tsv"),
        "judged": judged.write(work / "judged.tsv")}
    test = (theirs[half:] + dev.select(domain=options.target)).write(work / "test.tsv")

    def train(method, seed, folder):
        shared = [*settings(*RECIPES.get(method, RECIPE)), *COMMON, "--max-length",
                  "96", "--seed", seed, "--output", folder]
        if method in ("source", "target", "joint"):
            graft("finetune", "--model", options.model, "--train", tables[method],
                  *shared)
        elif method == "rtl":
            graft("train", "page:rtl", "--model", f"model={options.model}",
                  "--new-head", "--data", f"source={tables['source']}", "--data",
                  f"target={tables['few']}", "--data",
                  f"validation={tables['judged']}", *shared)
        else:
            graft("adapt", "--method", method, "--model", options.model, "--source",
                  tables["source"], "--target", tables["texts"], *shared)
        return {options.target: (folder / "model.graft",)}

    trial.run(METHODS, train, {options.target: test}, least=70,
              baselines={"rtl": "joint"},
              facts={"recipe": RECIPE, "recipes": RECIPES})


if __name__ == "__main__":
    main()
