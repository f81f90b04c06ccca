# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Two tasks in one model, beside a model of each.

    tasks.py --model DIRECTORY --data FOLDER --work DIRECTORY [--first trec]
        [--second sst2] [--seeds 3] [--record FILE]

Trains on train.tsv of both data sets in --data and tests on dev.tsv of both.
"""

from trials import COMMON, Trial, graft, settings

METHODS = ("single", "multitask", "sampled")
RECIPE = ("rate=5e-5", "epochs=3", "warmup=0.1", "clip=1")


def main():
    trial = Trial(__doc__, ("first", "trec"), ("second", "sst2"))
    options = trial.options
    heads = {"first": options.first, "second": options.second}
    tests = {name: options.data / name / "dev.tsv" for name in heads.values()}

    def train(method, seed, folder):
        shared = [*settings(*RECIPE), *COMMON, "--seed", seed]
        if method == "single":
            for name in tests:
                graft("finetune", "--model", options.model, "--new-head", "--train",
                      options.data / name / "train.tsv", *shared, "--output",
                      folder / name)
            return {name: (folder / name / "model.graft",) for name in tests}
        data = [word for head, name in heads.items() for word in
                ("--data", f"{head}={options.data / name / 'train.tsv'}")]
        graft("train", f"page:{method}", "--model", f"model={options.model}", *data,
              *shared, "--output", folder)
        return {name: (folder / "model.graft", "--head", head)
                for head, name in heads.items()}

    trial.run(METHODS, train, tests, least=75, facts={"recipe": RECIPE})


if __name__ == "__main__":
    main()
