#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Gives the tiny checkpoint added tokens, and tables that only they tell apart.

    tokenizer_forms.py DIRECTORY

DIRECTORY is what tiny_bert.py wrote. Its vocabulary loses three words, whose
rows of the embeddings the added tokens take. DIRECTORY/url.tsv has texts whose
label is told by an added token, which the normalised text shows, by a word
that is longer than tokenizer.json allows, and by the end of a long text.
"""

import json
import pathlib
import random
import sys

folder = pathlib.Path(sys.argv[1])
words = (folder / "model/vocab.txt").read_text().split()
kept, lost = words[:-3], len(words) - 3
(folder / "model/vocab.txt").unlink()


def token(i, content, normalized):
    return {"id": i, "content": content, "single_word": False,
            "lstrip": False, "rstrip": False, "normalized": normalized,
            "special": not normalized}


(folder / "model/tokenizer.json").write_text(json.dumps({
    "version": "1.0", "truncation": None, "padding": None,
    "added_tokens": [token(i, word, False) for i, word in enumerate(kept[:5])] +
                    [token(lost, "<URL>", True), token(lost + 1, "a\nb", False),
                     token(lost + 2, "w1 w2", True)],
    "normalizer": {"type": "BertNormalizer", "clean_text": True,
                   "handle_chinese_chars": True, "strip_accents": None,
                   "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3],
                       "cls": ["[CLS]", 2]},
    "model": {"type": "WordPiece", "unk_token": "[UNK]",
              "continuing_subword_prefix": "##", "max_input_chars_per_word": 4,
              "vocab": {word: i for i, word in enumerate(kept)}}}))
(folder / "model/tokenizer_config.json").write_text(json.dumps({
    "tokenizer_class": "PreTrainedTokenizerFast", "truncation_side": "left",
    "model_max_length": 12, "pad_token": "[PAD]"}))

draw = random.Random(5)
tell = {"link": "x<url>", "pair": "W1 w2", "animal": "dog", "long": "horse"}
with open(folder / "url.tsv", "w", encoding="utf-8") as table:
    table.write("text\tlabel\n")
    for _ in range(320):
        label = draw.choice(sorted(tell))
        before = [f"w{draw.randrange(3, 40)}" for _ in range(draw.randrange(20))]
        table.write(" ".join(before + [tell[label], "w5"]) + f"\t{label}\n")
