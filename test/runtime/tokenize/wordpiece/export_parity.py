#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares exported tokenizers with Transformers and the tokenizers package.

  export_parity.py WORDPIECE_IDS [--count N] [--texts N] [--seed S]

WORDPIECE_IDS is the test tool of that name. Exports the directories of
directory_goldens.json and compares its ids of strange strings with those of
AutoTokenizer of the exported directory, and of its tokenizer.json alone. A
Python with transformers is needed: this one or that named by
GRAFT_REFERENCE_PYTHON.

Exit code 0: all equal; 1: a difference; 77: skipped.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import wordpiece_parity  # which changes to the reference Python

import tokenizers
try:
    import transformers
except ImportError:
    print("skipped: no Python package transformers")
    sys.exit(77)

transformers.logging.set_verbosity_error()
NEW = ["<url>", "<URL>", "CaF\u00c9", "runs", "a b", "A  B", "[NEW]", "<e>",
       "un", "\u4e2d\u6587", "x7", "_x", " y", "e\u0301", "[EXTRA]", "<mask>",
       "<s>", "</s>", "<pad>"]


def compare(tool, case, texts):
    """The number of texts that differ."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        exported = folder / "exported"
        exported.mkdir()
        for file, value in case["files"].items():
            text = value if isinstance(value, str) else json.dumps(value)
            (folder / file).write_text(text, encoding="utf-8")
        subprocess.run([tool, "--export", name, str(exported)], check=True)
        lines = "".join(wordpiece_parity.escape(text) + "\n" for text in texts)
        done = subprocess.run([tool, name], input=lines.encode(), check=True,
                              stdout=subprocess.PIPE)
        ours = [[int(token.split(":")[0]) for token in line.split(" ")]
                for line in done.stdout.decode().split("\n")[:-1]]
        alone = tokenizers.Tokenizer.from_file(str(exported / "tokenizer.json"))
        alone.no_truncation()
        (exported / "config.json").write_text('{"model_type": "bert"}')
        auto = transformers.AutoTokenizer.from_pretrained(str(exported))
        bad = 0
        for text, ids, one, two in zip(texts, ours, alone.encode_batch(texts),
                                       auto(texts)["input_ids"]):
            if ids == one.ids == two:
                continue
            bad += 1
            if bad == 1:
                print(f"  {text!r}\n    expects {one.ids} (tokenizer.json) and "
                      f"{two} (Transformers)\n    got     {ids}")
        return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tool")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    goldens = json.loads((HERE / "directory_goldens.json").read_text())
    texts = [text for text in wordpiece_parity.fuzzed(
        arguments.texts, arguments.seed, NEW * 3 + ["run", "##s", "a", "x"],
        wordpiece_parity.too_new_for_package()) if text] + goldens["texts"]
    bad = [compare(arguments.tool, case, texts)
           for case in goldens["cases"][:arguments.count]]
    print(f"Transformers {transformers.__version__}, tokenizers "
          f"{tokenizers.__version__}: {len(bad)} exports, {len(texts)} texts "
          f"each, {sum(bad)} unequal in {sum(map(bool, bad))} exports")
    return 1 if any(bad) else 0


if __name__ == "__main__":
    sys.exit(main())
