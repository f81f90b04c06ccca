# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Students of half of the layers, beside one that learns from labels alone.

    distilling.py --model DIRECTORY --data trec/ --work DIRECTORY [--seeds 3]
        [--record FILE]

The teacher is fine-tuned with the same seed on the same rows. Students begin with three
of the layers of --model, and have six passes over train.tsv, whatever the method. Tests
on dev.tsv.
"""

import threading

from trials import COMMON, Trial, graft, settings

METHODS = ("teacher", "labels", "distill", "tinybert", "minilm")
LAYERS = "1,3,5"
RECIPES = {
    "teacher": ("rate=5e-5", "epochs=3", "warmup=0.1", "clip=1"),
    "labels": ("rate=1e-4", "epochs=6", "warmup=0.1", "clip=1"),
    "distill": ("rate=1e-4", "epochs=6", "warmup=0.1", "clip=1"),
    "tinybert": ("layer_rate=1e-4", "layer_epochs=3", "rate=1e-4", "epochs=3"),
    "minilm": ("relation_rate=1e-4", "relation_epochs=3", "rate=1e-4", "epochs=3"),
}


def main():
    trial = Trial(__doc__)
    options = trial.options
    name, table = options.data.name, options.data / "train.tsv"

    def train(method, seed, folder):
        model = folder / "model.graft"
        words = [*settings(*RECIPES[method]), *COMMON, "--seed", seed, "--output",
                 folder]
        if method in ("teacher", "labels"):
            layers = ["--student-layers", LAYERS] if method == "labels" else []
            graft("train", "page:finetune", "--model", f"model={options.model}",
                  "--new-head", *layers, "--data", f"train={table}", *words)
        else:
            graft("distill", "--method", method, "--teacher", teacher(seed),
                  "--model", options.model, "--student-layers", LAYERS, "--train",
                  table, *words)
        return {name: (model,)}

    # Students begin while the last teachers learn.
    locks = [threading.Lock() for _ in range(options.seeds)]

    def teacher(seed):
        folder = options.work / f"teacher-{seed}"
        with locks[seed]:
            if not (folder / "model.graft").exists():
                train("teacher", seed, folder)
        return folder / "model.graft"

    def fit(method, seed, folder):
        if method == "teacher":
            return {name: (teacher(seed),)}
        return train(method, seed, folder)

    trial.run(METHODS, fit, {name: options.data / "dev.tsv"}, least=75,
              baselines=dict.fromkeys(METHODS, "labels"),
              facts={"recipes": RECIPES, "layers": LAYERS})


if __name__ == "__main__":
    main()
