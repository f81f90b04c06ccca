# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Methods for few labels on one data set, beside plain fine-tuning.

    few_labels.py --model DIRECTORY --data trec/ --work DIRECTORY [--per-class 8]
        [--seeds 3] [--record FILE]

Each seed has other rows of train.tsv, --per-class of each class; self-training has the
texts of all others, too. Tests on dev.tsv.
"""

from trials import COMMON, Table, Trial, graft, settings

METHODS = ("finetune", "setfit", "prototypes", "self_training")


def recipe(method, count):
    # Fewer rows have fewer steps in a pass.
    passes = 40 if count < 32 else 15
    return {"finetune": ("rate=5e-5", f"epochs={passes}", "warmup=0.1", "clip=1"),
            "prototypes": (f"epochs={20 if count < 32 else 8}",),
            "setfit": (f"epochs={20 if count < 32 else 8}",),
            "self_training": (f"first_epochs={passes}", "epochs=2",
                              "threshold=0.8")}[method]


def main():
    trial = Trial(__doc__, ("per-class", 8))
    options, work = trial.options, trial.options.work
    rows = Table.read(options.data / "train.tsv")
    name = options.data.name

    def train(method, seed, folder):
        few, others = rows.shuffled(seed).per_class(options.per_class)
        table = few.write(work / f"train-{seed}.tsv")
        shared = [*settings(*recipe(method, options.per_class)), *COMMON, "--seed",
                  seed, "--output", folder]
        page = ("train", f"page:{method}", "--model", f"model={options.model}",
                "--data", f"train={table}")
        if method == "prototypes":
            graft(*page, "--data", f"support={table}", *shared)
        elif method == "self_training":
            texts = others.write(work / f"texts-{seed}.tsv", labels=False)
            graft(*page, "--new-head", "--data", f"unlabelled={texts}", *shared)
        else:
            # The head of setfit is on its page.
            head = ["--new-head"] if method == "finetune" else []
            graft("finetune", "--method", method, "--model", options.model, *head,
                  "--train", table, *shared)
        return {name: (folder / "model.graft",)}

    trial.run(METHODS, train, {name: options.data / "dev.tsv"}, least=30,
              facts={"recipes": {method: recipe(method, options.per_class)
                                 for method in METHODS}})


if __name__ == "__main__":
    main()
