# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Random checkpoint directories of legal, if unusual, form.

A directory is a BERT of a few kB with random weights. What is random about it
is what users' directories differ in: which files tell the tokenizer, where its
added tokens are, how tensors are named, typed and spread over files, and which
head it has. Standard library only.
"""

import dataclasses
import json
import pathlib
import random
import struct

HIDDEN, HEADS, WIDE, POSITIONS = 16, 2, 32, 48
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = ("good bad great awful nice boring film movie the a plot acting is was "
         "url user pose nt neg Good Bad BAD naive naïve café cafe ß straße "
         "yes no not very . , ! ? - [ ] < > # @ 1 0 5 中 国").split()
PIECES = ["##s", "##ing", "##ed", "##x", "##1", "##é", "##e"]
# Matched before words are cut, if a directory adds them.
ADDABLE = ["<url>", "[POSENT]", "[NEGENT]", "@USER", "e-mail", "Foo Bar",
           "très", "中国", "#tag"]
FORMS = ["vocabulary", "vocabulary and settings", "json", "json and settings",
         "all"]
ADDED_IN = ["json", "json normalized", "added_tokens.json", "decoder"]


@dataclasses.dataclass
class Directory:
    """What was chosen; the files follow from it."""
    form: str
    added: list
    added_in: str
    lower: bool
    accents: object        # True, False or None: as `lower`
    chinese: bool
    longest_word: int
    truncation: str        # "right" or "left"
    model_max_length: int  # 0: none
    line_feed: bool        # a piece is a line feed
    head: str              # "none", "classes", "other", "mlm", "tokens"
    names: list            # of the head's rows
    dtype: str
    prefix: str
    norms: str
    files: int


def choose(draw, labels):
    """Chooses a directory for a task with these labels (none: regression)."""
    form = draw.choice(FORMS)
    has_json = form.startswith("json") or form == "all"
    places = ADDED_IN[:2] if has_json else ADDED_IN[2:]
    if not has_json and form == "vocabulary":
        places = ["added_tokens.json"]
    head = draw.choice(["none", "none", "classes", "classes", "other", "mlm",
                        "tokens"])
    names = []
    if head == "classes" and labels:
        names = draw.sample(labels, len(labels))
    elif head == "classes":
        names = ["LABEL_0"]
    elif head in ("other", "tokens"):
        names = [f"name {i}" for i in range((len(labels) or 1) + 1)]
    return Directory(
        form=form,
        added=draw.sample(ADDABLE, draw.choice([0, 1, 2, 4])),
        added_in=draw.choice(places),
        lower=draw.random() < 0.6,
        accents=draw.choice([None, None, True, False]),
        chinese=draw.random() < 0.8,
        longest_word=draw.choice([100, 100, 6]) if has_json else 100,
        truncation=(draw.choice(["right", "right", "left"])
                    if "settings" in form or form == "all" else "right"),
        model_max_length=(draw.choice([0, 0, 12])
                          if "settings" in form or form == "all" else 0),
        line_feed=has_json and form != "all" and draw.random() < 0.3,
        head=head,
        names=names,
        dtype=draw.choice(["F32", "F32", "F16", "BF16", "F64"]),
        prefix=draw.choice(["", "bert.", "bert.", "module.bert.",
                            "0.auto_model.", "model."]),
        norms=draw.choice(["weight", "weight", "gamma", "mixed"]),
        files=draw.choice([1, 1, 2, 3]))


def vocabulary(it):
    words = SPECIAL + WORDS + PIECES
    if it.line_feed:
        words[words.index("acting")] = "\n"
    return words


def write_tokenizer(it, path):
    words = vocabulary(it)
    first = len(words)
    has_json = it.form.startswith("json") or it.form == "all"
    if not it.form.startswith("json"):
        (path / "vocab.txt").write_text("\n".join(words) + "\n",
                                        encoding="utf-8")
    settings = {"tokenizer_class": "BertTokenizer",
                "do_lower_case": it.lower, "strip_accents": it.accents,
                "tokenize_chinese_chars": it.chinese,
                "unk_token": "[UNK]", "sep_token": "[SEP]",
                "pad_token": "[PAD]", "cls_token": "[CLS]",
                "mask_token": "[MASK]"}
    if it.model_max_length:
        settings["model_max_length"] = it.model_max_length
    if it.truncation != "right":
        settings["truncation_side"] = it.truncation
    if it.added and it.added_in == "added_tokens.json":
        (path / "added_tokens.json").write_text(json.dumps(
            {token: first + i for i, token in enumerate(it.added)}))
    if it.added and it.added_in == "decoder":
        settings["added_tokens_decoder"] = {
            str(first + i): {"content": token, "lstrip": False,
                             "normalized": i % 2 == 0, "rstrip": False,
                             "single_word": False, "special": False}
            for i, token in enumerate(it.added)}
    if "settings" in it.form or it.form == "all":
        (path / "tokenizer_config.json").write_text(json.dumps(settings))
    elif not has_json:
        # Without settings the defaults hold.
        it.lower, it.accents, it.chinese = True, None, True
    if has_json:
        write_tokenizer_json(it, path, words)


def write_tokenizer_json(it, path, words):
    def added(identity, content, special, normalized):
        return {"id": identity, "content": content, "single_word": False,
                "lstrip": False, "rstrip": False, "normalized": normalized,
                "special": special}

    def special(token, kind):
        return {"SpecialToken": {"id": token, "type_id": kind}}

    def sequence(name, kind):
        return {"Sequence": {"id": name, "type_id": kind}}

    single = [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)]
    tokens = [added(words.index(token), token, True, False)
              for token in SPECIAL]
    tokens += [added(len(words) + i, token, False,
                     it.added_in == "json normalized")
               for i, token in enumerate(it.added)]
    (path / "tokenizer.json").write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": tokens,
        "normalizer": {"type": "BertNormalizer", "clean_text": True,
                       "handle_chinese_chars": it.chinese,
                       "strip_accents": it.accents, "lowercase": it.lower},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing", "single": single,
            "pair": single + [sequence("B", 1), special("[SEP]", 1)],
            "special_tokens": {
                token: {"id": token, "ids": [words.index(token)],
                        "tokens": [token]} for token in ("[CLS]", "[SEP]")}},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]",
                  "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": it.longest_word,
                  "vocab": {word: i for i, word in enumerate(words)}}},
        ensure_ascii=False), encoding="utf-8")


def tensors(it, rows, draw):
    """Names in the file, shapes and values."""
    found = {}

    def put(name, *shape, mean=0.0, width=0.4):
        count = 1
        for extent in shape:
            count *= extent
        found[name] = (shape, [draw.gauss(mean, width) for _ in range(count)])

    def norm(name, old):
        put(name + (".gamma" if old else ".weight"), HIDDEN, mean=1.0,
            width=0.1)
        put(name + (".beta" if old else ".bias"), HIDDEN, width=0.1)

    embeddings = it.prefix + "embeddings."
    put(embeddings + "word_embeddings.weight", rows, HIDDEN)
    put(embeddings + "position_embeddings.weight", POSITIONS, HIDDEN)
    put(embeddings + "token_type_embeddings.weight", 2, HIDDEN)
    norm(embeddings + "LayerNorm", it.norms != "weight")
    layer = it.prefix + "encoder.layer.0."
    for part in ("attention.self.query", "attention.self.key",
                 "attention.self.value", "attention.output.dense"):
        put(layer + part + ".weight", HIDDEN, HIDDEN)
        put(layer + part + ".bias", HIDDEN, width=0.1)
    norm(layer + "attention.output.LayerNorm", it.norms == "gamma")
    put(layer + "intermediate.dense.weight", WIDE, HIDDEN)
    put(layer + "intermediate.dense.bias", WIDE, width=0.1)
    put(layer + "output.dense.weight", HIDDEN, WIDE)
    put(layer + "output.dense.bias", HIDDEN, width=0.1)
    norm(layer + "output.LayerNorm", it.norms == "gamma")
    if it.head not in ("mlm", "tokens"):
        put(it.prefix + "pooler.dense.weight", HIDDEN, HIDDEN)
        put(it.prefix + "pooler.dense.bias", HIDDEN, width=0.1)
    if it.head == "mlm":
        put("cls.predictions.bias", rows)
        put("cls.predictions.transform.dense.weight", HIDDEN, HIDDEN)
        put("cls.predictions.transform.dense.bias", HIDDEN)
    if it.names:
        outer = "module." if it.prefix.startswith("module.") else ""
        put(outer + "classifier.weight", len(it.names), HIDDEN)
        put(outer + "classifier.bias", len(it.names), width=0.1)
    return found


def pack(dtype, values):
    if dtype == "F64":
        return struct.pack(f"<{len(values)}d", *values)
    if dtype == "F16":
        return struct.pack(f"<{len(values)}e", *values)
    data = struct.pack(f"<{len(values)}f", *values)
    if dtype == "F32":
        return data
    return b"".join(data[i + 2:i + 4] for i in range(0, len(data), 4))


def write_safetensors(path, dtype, found):
    header, data, offset = {}, [], 0
    for name, (shape, values) in found.items():
        data.append(pack(dtype, values))
        header[name] = {"dtype": dtype, "shape": list(shape),
                        "data_offsets": [offset, offset + len(data[-1])]}
        offset += len(data[-1])
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def write_weights(it, path, rows, draw):
    found = tensors(it, rows, draw)
    if it.files == 1:
        write_safetensors(path / "model.safetensors", it.dtype, found)
        return
    names = [f"model-{i + 1:05}-of-{it.files:05}.safetensors"
             for i in range(it.files)]
    places = {tensor: names[i % it.files] for i, tensor in enumerate(found)}
    for name in names:
        write_safetensors(path / name, it.dtype, {
            tensor: found[tensor] for tensor in found
            if places[tensor] == name})
    (path / "model.safetensors.index.json").write_text(json.dumps(
        {"metadata": {"total_size": 0}, "weight_map": places}))


def write(it, path, draw):
    path = pathlib.Path(path)
    path.mkdir(parents=True)
    write_tokenizer(it, path)
    rows = len(vocabulary(it)) + len(it.added) + draw.choice([0, 0, 3])
    config = {
        "model_type": "bert", "vocab_size": rows, "hidden_size": HIDDEN,
        "num_hidden_layers": 1, "num_attention_heads": HEADS,
        "intermediate_size": WIDE, "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": POSITIONS, "type_vocab_size": 2,
        "layer_norm_eps": 1e-12, "pad_token_id": 0}
    config["architectures"] = [{
        "none": "BertModel", "classes": "BertForSequenceClassification",
        "other": "BertForSequenceClassification", "mlm": "BertForMaskedLM",
        "tokens": "BertForTokenClassification"}[it.head]]
    if it.names:
        config["id2label"] = {str(i): n for i, n in enumerate(it.names)}
        config["label2id"] = {n: i for i, n in enumerate(it.names)}
    elif draw.random() < 0.3:
        # Stale: of a head that is not there.
        config["label2id"] = {"x": 0, "y": 1}
    (path / "config.json").write_text(json.dumps(config))
    write_weights(it, path, rows, draw)
