# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""The models that are raced: checkpoints for the peers, programs of Graft."""

import json
import pathlib
import shutil

import common
from common import accept
import sides

TOKENIZER = ("vocab.txt", "tokenizer.json", "tokenizer_config.json",
             "special_tokens_map.json")
# Sizes of those that have random weights; time does not depend on them.
RANDOM = {
    "bert-base": {},
    "tiny": {"hidden_size": 64, "num_hidden_layers": 2,
             "num_attention_heads": 4, "intermediate_size": 128},
}


class Model:
    """A checkpoint with a classifier of 26 classes, and what is made of it."""

    def __init__(self, name, settings):
        self.name = name
        self.targets = settings.targets
        self.folder = settings.work / "models" / name
        source = accept.setting("GRAFT_MINILM")
        # Made again when the code that makes it, or what it uses, is another.
        stamp = "\n".join([
            common.run(sides.peers_python(), "--version"),
            (common.ROOT / "tools/bench/peers.txt").read_text(),
            (common.ROOT / "tools/bench/peer.py").read_text()])
        made = self.folder / "stamp.txt"
        if not made.exists() or made.read_text() != stamp:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            common.run(
                sides.peers_python(), common.ROOT / "tools/bench/peer.py",
                "export", "--model", self.folder,
                *(["--sizes", json.dumps(RANDOM[name])] if name in RANDOM
                  else ["--source", source]),
                env=sides.peer_environment(1, settings.work))
            copy_tokenizer(source, self.folder)
            made.write_text(stamp)
        self.config = json.loads((self.folder / "config.json").read_text())

    def program(self, tokens, sequences, dropout=0.1, precision="fp32"):
        path = (self.folder /
                f"{tokens}-{sequences}-{dropout}-{precision}.graft")
        common.run(common.ROOT / "build/bin/graft-compile", self.folder,
                   "--max-tokens", tokens, "--max-sequences", sequences,
                   "--dropout", dropout, "--precision", precision,
                   *self.targets, "-o", path)
        return path

    def forward_flops(self, texts, length):
        """Two for each multiply-add of a product, attention included, as
        `graft plan` counts."""
        width = self.config["hidden_size"]
        layer = 4 * width * width + 2 * width * self.config[
            "intermediate_size"] + 2 * length * width
        tokens = texts * length * self.config["num_hidden_layers"] * layer
        return 2 * (tokens + texts * (width * width + 26 * width))


def copy_tokenizer(source, folder):
    for file in TOKENIZER:
        if (path := pathlib.Path(source) / file).exists():
            shutil.copy(path, folder)


def shape_work(texts, length, vocabulary=30522):
    ids = [[(999 + (i * length + j) * 7919) % vocabulary
            for j in range(length)] for i in range(texts)]
    return sides.Work(f"shape-{texts}x{length}-{vocabulary}", [ids])
