# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Methods of fine-tuning on one data set, beside plain fine-tuning.

    fine_tuning.py --model DIRECTORY --data trec/ --work DIRECTORY [--seeds 3]
        [--methods finetune lora ...] [--record FILE]

Trains on train.tsv of --data and tests on dev.tsv.
"""

from trials import COMMON, Trial, graft, settings

METHODS = ("finetune", "head_first", "gradual", "averaged", "l2_sp", "bit_fit",
           "focal", "r_drop", "lora", "dora", "adapter")
# What is not set is the default of the page.
RECIPES = {"finetune": ("rate=5e-5", "epochs=3", "warmup=0.1", "clip=1"),
           "bit_fit": ("epochs=3",)}


def main():
    trial = Trial(__doc__)
    options = trial.options
    name = options.data.name

    def train(method, seed, folder):
        graft("finetune", "--method", method, "--model", options.model, "--new-head",
              "--train", options.data / "train.tsv",
              *settings(*RECIPES.get(method, ())), *COMMON, "--seed", seed,
              "--output", folder)
        return {name: (folder / "model.graft",)}

    trial.run(METHODS, train, {name: options.data / "dev.tsv"}, least=80,
              facts={"recipes": RECIPES})


if __name__ == "__main__":
    main()
