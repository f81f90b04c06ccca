#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Writes directory_goldens.json: tokenizers as directories, and their ids.

  directory_goldens.py OUTPUT [--count N] [--seed S]

Each directory is drawn: a vocab.txt or a tokenizer.json, settings that may
disagree with it, and added tokens in any of the files in which Transformers
keeps them. The ids are those of AutoTokenizer. Needs transformers 5.24.0 and
tokenizers 0.23.3.
"""

import argparse
import copy
import json
import pathlib
import random
import tempfile

import transformers

WORDS = ("[PAD] [UNK] [CLS] [SEP] [MASK] the un ##aff ##able run ##s , cafe "
         "caf\u00e9 A ##B a ##b url user < > [ ] _ - 7 \u4e2d \u6587 \u4e2d\u6587 "
         "URL Caf\u00e9 \u03c3 ##\u03b1 <s> </s> e \u0301 x ##x y").split()
NEW = ("<url>", "<URL2>", "Caf\u00c9", "run", "runs", "a b", "[NEW]", "<e>", "un",
       "\u4e2d\u6587", "x7", "_x", " y", "e\u0301")
TEXTS = (
    "The unaffable runs, cafe CAF\u00c9 caf\u00e9!", "see <url> and <URL>x<url2>",
    "A a b A  B ab aB [NEW]x [new]", "xx7 x7 _x_ x7\u0301 x7, run runs Runs",
    "\u4e2d\u6587 x\u4e2d\u6587 <e> \u3000<e>\t<e>x", "[MASK][SEP] [cls] <s> </s> <unk>",
    "e\u0301 E\u0301 \u03a3\u0391 un unx", "aaaaaaa bbbbbbbbbb run\u200bs y  y x y",
    "  <url>  <e>  ", "")
SPECIAL = ("unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


class Draw(random.Random):

    def chance(self, share):
        return self.random() < share

    def token(self, content):
        special = self.chance(0.4)
        return {"content": content, "single_word": self.chance(0.3),
                "lstrip": self.chance(0.3), "rstrip": self.chance(0.3),
                "normalized": self.chance(0.2 if special else 0.7),
                "special": special}


def added_tokens(draw, vocabulary, standard):
    """Tokens with the ids that the package will give them."""
    tokens = {}
    if standard:
        for content in WORDS[:5]:
            tokens[vocabulary[content]] = {
                "content": content, "single_word": False, "lstrip": False,
                "rstrip": False, "normalized": False, "special": True}
    following = len(vocabulary)
    for content in draw.sample(NEW, draw.randint(0, 5)):
        if content in vocabulary:
            tokens[vocabulary[content]] = draw.token(content)
        else:
            tokens[following] = draw.token(content)
            following += 1
    return dict(sorted(tokens.items()))


def tokenizer_json(draw, vocabulary, tokens, usual):
    special = lambda name, kind: {"SpecialToken": {"id": name, "type_id": kind}}
    text = lambda name, kind: {"Sequence": {"id": name, "type_id": kind}}
    single = [special("[CLS]", 0), text("A", 0), special("[SEP]", 0)]
    entry = lambda name: {"id": name, "ids": [vocabulary[name]],
                          "tokens": [name]}
    truncation = None
    if draw.chance(0.3):
        truncation = {"direction": draw.choice(("Left", "Right")),
                      "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    if draw.chance(0.5):
        processor = {"type": "BertProcessing",
                     "sep": ["[SEP]", vocabulary["[SEP]"]],
                     "cls": ["[CLS]", vocabulary["[CLS]"]]}
    else:
        processor = {
            "type": "TemplateProcessing", "single": single,
            "pair": single + [text("B", 1), special("[SEP]", 1)],
            "special_tokens": {name: entry(name) for name in ("[CLS]", "[SEP]")}}
    return {
        "version": "1.0", "truncation": truncation, "padding": None,
        "added_tokens": [{"id": i, **token} for i, token in tokens.items()],
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": usual or draw.chance(0.7),
            "handle_chinese_chars": draw.chance(0.7),
            "strip_accents": draw.choice((None, True, False)),
            "lowercase": draw.chance(0.7)},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": processor,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word":
                100 if usual else draw.choice((100, 3, 5)),
            "vocab": vocabulary}}


def settings(draw, config):
    """Settings that tokenizer_config.json may have."""
    for key, values in (
            ("do_lower_case", (True, False)),
            ("strip_accents", (None, True, False)),
            ("tokenize_chinese_chars", (True, False)),
            ("truncation_side", ("left", "right")),
            ("model_max_length", (7, 1000000000000000019884624838656))):
        if draw.chance(0.5):
            config[key] = draw.choice(values)


def names(draw, target, objects):
    """Special tokens by name, usual and new ones."""
    for key, usual in zip(SPECIAL, ("[UNK]", "[SEP]", "[PAD]", "[CLS]",
                                    "[MASK]")):
        if draw.chance(0.5):
            continue
        other = {"sep_token": "</s>", "cls_token": "<s>",
                 "mask_token": "<mask>", "pad_token": "<pad>"}
        value = usual
        if key in other and draw.chance(0.3):
            value = other[key]
        if objects and draw.chance(0.5):
            value = {"content": value, "lstrip": key == "mask_token",
                     "normalized": draw.chance(0.2), "rstrip": False,
                     "single_word": draw.chance(0.2)}
        target[key] = value


def directory(draw):
    """The files of one tokenizer, by name."""
    words = list(WORDS)
    if draw.chance(0.2):
        words.remove("[MASK]")
        words.append("[MASK]")
    vocabulary = {word: i for i, word in enumerate(words)}
    config, mapped, files = {}, {}, {}
    described = draw.chance(0.6)
    alone = described and draw.chance(0.4)
    if alone:
        config["tokenizer_class"] = draw.choice(
            ("PreTrainedTokenizerFast", "TokenizersBackend"))
    elif draw.chance(0.7):
        config["tokenizer_class"] = draw.choice(
            ("BertTokenizer", "BertTokenizerFast", "ElectraTokenizer"))
    settings(draw, config)
    tokens = added_tokens(draw, vocabulary, draw.chance(0.7))
    if described:
        files["tokenizer.json"] = tokenizer_json(draw, vocabulary, tokens,
                                                 not alone)
    else:
        files["vocab.txt"] = "".join(word + "\n" for word in words)
    names(draw, config, False)
    if draw.chance(0.3):
        names(draw, mapped, True)
    form = draw.choice(("decoder", "added", "none"))
    if form == "decoder" and tokens:
        if draw.chance(0.2):
            tokens = copy.deepcopy(tokens)
            for token in tokens.values():
                token["lstrip"] = not token["lstrip"]
        config["added_tokens_decoder"] = {str(i): t for i, t in tokens.items()}
    elif form == "added":
        files["added_tokens.json"] = {
            token["content"]: i for i, token in tokens.items()
            if i >= len(words)}
    if form != "decoder" and draw.chance(0.3):
        config["additional_special_tokens"] = ["[EXTRA]", "[NEW]"]
    if mapped:
        files["special_tokens_map.json"] = mapped
    if config or draw.chance(0.5):
        files["tokenizer_config.json"] = config
    return files


def write(files, folder):
    for name, value in files.items():
        text = value if isinstance(value, str) else json.dumps(value)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "config.json").write_text('{"model_type": "bert"}')


def golden(files):
    """What AutoTokenizer makes of the texts."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write(files, folder)
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
    longest = tokenizer.model_max_length
    texts = []
    for text, other in zip(TEXTS, TEXTS[3:-1] + TEXTS[:4]):
        texts.append({
            "ids": tokenizer(text)["input_ids"],
            "cut": tokenizer(text, truncation=True, max_length=6)["input_ids"],
            "pair": tokenizer(text, other, truncation=True,
                              max_length=9)["input_ids"]})
    return {"files": files, "max_length": longest if longest < 1e9 else 0,
            "texts": texts}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("output", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    draw = Draw(arguments.seed)
    cases = [golden(directory(draw)) for _ in range(arguments.count)]
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    arguments.output.write_text(
        f'{{"transformers": "{transformers.__version__}",\n'
        f'"texts": {json.dumps(TEXTS)},\n"cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main()
