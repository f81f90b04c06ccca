# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Inputs for the cases of broken_inputs: tiny ones that work, and ways to break them.

A case starts from a copy-on-demand of what Base makes once. Each function that
is registered as a maker gets the words of a step of a case, breaks something
in the folder of the case and changes the variables of the command to it.
"""

import gzip
import json
import os
import pathlib
import random
import shutil
import struct
import subprocess
import sys

HIDDEN, HEADS, WIDE, POSITIONS, LAYERS = 16, 2, 32, 24, 2
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TELLING = {"animal": ["cat", "dog"], "plant": ["oak", "rose"],
           "tool": ["saw", "axe"]}
WORDS = SPECIAL + [f"w{i}" for i in range(12)] + sum(TELLING.values(), [])
CONFIG = {
    "model_type": "bert", "vocab_size": len(WORDS), "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
    "intermediate_size": WIDE, "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
    "max_position_embeddings": POSITIONS, "type_vocab_size": 2,
    "layer_norm_eps": 1e-12, "pad_token_id": 0}
TOKENIZER = {
    "version": "1.0", "truncation": None, "padding": None,
    "added_tokens": [
        {"id": WORDS.index(token), "content": token, "single_word": False,
         "lstrip": False, "rstrip": False, "normalized": False,
         "special": True} for token in SPECIAL],
    "normalizer": {"type": "BertNormalizer", "clean_text": True,
                   "handle_chinese_chars": True, "strip_accents": None,
                   "lowercase": True},
    "pre_tokenizer": {"type": "BertPreTokenizer"},
    "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3],
                       "cls": ["[CLS]", 2]},
    "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
    "model": {"type": "WordPiece", "unk_token": "[UNK]",
              "continuing_subword_prefix": "##",
              "max_input_chars_per_word": 100,
              "vocab": {word: i for i, word in enumerate(WORDS)}}}
PAGE = """\
#S = #graft.dims<S>
#SK = #graft.dims<S, K>
transfer.strategy @page sizes (K) {
  transfer.parameter @rate = 1.0e-3 in [0.0, 1.0] "peak learning rate"
  transfer.parameter @schedule = "linear" of ["constant", "linear"] "the rate"
  transfer.parameter @epochs = 1 in [1, 100] "passes over the examples"
  %text, %labels = transfer.stream @train of text, labels<K> in @T, @S
  transfer.group @all of @model
  %logits = transfer.call @model::@logits(%text) : (!transfer.text) -> tensor<?x?xf32, #SK>
  %loss = transfer.loss cross_entropy %logits, %labels mean
      : tensor<?x?xf32, #SK>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x?xf32, #SK>
  transfer.phase @step minimise %loss over [@all] with adamw rate @schedule @rate
  transfer.schedule epochs @epochs of [@step]
}
"""


def shapes(layers=LAYERS):
    """Names and shapes of the tensors of a checkpoint."""
    yield "embeddings.word_embeddings.weight", [len(WORDS), HIDDEN]
    yield "embeddings.position_embeddings.weight", [POSITIONS, HIDDEN]
    yield "embeddings.token_type_embeddings.weight", [2, HIDDEN]
    yield "embeddings.LayerNorm.weight", [HIDDEN]
    yield "embeddings.LayerNorm.bias", [HIDDEN]
    for i in range(layers):
        layer = f"encoder.layer.{i}."
        for name in ("attention.self.query", "attention.self.key",
                     "attention.self.value", "attention.output.dense"):
            yield layer + name + ".weight", [HIDDEN, HIDDEN]
            yield layer + name + ".bias", [HIDDEN]
        yield layer + "intermediate.dense.weight", [WIDE, HIDDEN]
        yield layer + "intermediate.dense.bias", [WIDE]
        yield layer + "output.dense.weight", [HIDDEN, WIDE]
        yield layer + "output.dense.bias", [HIDDEN]
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            yield layer + name + ".weight", [HIDDEN]
            yield layer + name + ".bias", [HIDDEN]
    yield "pooler.dense.weight", [HIDDEN, HIDDEN]
    yield "pooler.dense.bias", [HIDDEN]


def tensors():
    """The tensors of a checkpoint: name to (dtype, shape, bytes)."""
    draw = random.Random(7)
    result = {}
    for name, shape in shapes():
        count = 1
        for size in shape:
            count *= size
        values = ([1.0] * count if "LayerNorm.weight" in name else
                  [0.0] * count if name.endswith("bias") else
                  [draw.gauss(0, 0.1) for _ in range(count)])
        result[name] = ("F32", shape, struct.pack(f"<{count}f", *values))
    return result


def safetensors(parts, header=None):
    """The bytes of a safetensors file; `header` replaces the true one."""
    entries, data = {}, b""
    for name, (dtype, shape, values) in parts.items():
        entries[name] = {"dtype": dtype, "shape": shape,
                         "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    text = (json.dumps(entries) if header is None else header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def write_model(folder, tokenizer=False):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "model.safetensors").write_bytes(safetensors(tensors()))
    if tokenizer:
        (folder / "tokenizer.json").write_text(json.dumps(TOKENIZER))
    else:
        (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")


def write_table(path, rows, column=None):
    """`column` is a function of the row, for a number instead of a label."""
    draw = random.Random(rows)
    lines = ["label\ttext"]
    for row in range(rows):
        label = sorted(TELLING)[row % 3]
        words = [draw.choice(WORDS[5:17]) for _ in range(draw.randint(1, 6))]
        words.append(draw.choice(TELLING[label]))
        lines.append(f"{column(row) if column else label}\t{' '.join(words)}")
    path.write_text("\n".join(lines) + "\n")


class Base:
    """What all cases share, made once in `folder`, and never changed."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return self.folder / name

    def make(self):
        write_model(self.path("model"))
        write_model(self.path("model-json"), tokenizer=True)
        write_table(self.path("train.tsv"), 24)
        write_table(self.path("numbers.tsv"), 24, lambda row: row % 5)
        self.path("page.mlir").write_text(PAGE)
        self.path("labels.txt").write_text("animal\nplant\ntool\n")
        self.path("labels.json").write_text('["animal", "plant", "tool"]\n')
        self.path("text.txt").write_text("not what it is taken for\n" * 50)
        model, train = str(self.path("model")), str(self.path("train.tsv"))
        self.run("graft", "finetune", "--model", model, "--train", train,
                 "--max-steps", "1", "--output", str(self.path("run")),
                 "--checkpoint-every", "1", "--quiet")
        self.run("graft", "finetune", "--model", model, "--train",
                 str(self.path("numbers.tsv")), "--task", "regression",
                 "--max-steps", "1", "--output", str(self.path("score")),
                 "--quiet")
        self.run("graft", "export", str(self.path("run/model.graft")),
                 "--output", str(self.path("teacher")))
        # The machine's, for which programs are compiled.
        self.level = json.loads(self.run(
            "graft", "inspect", "--json",
            str(self.path("run/model.graft"))))["targets"][0]["level"]

    @staticmethod
    def run(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}: {done.stderr}")
        return done.stdout

    def variables(self):
        names = {"MODEL": "model", "TRAIN": "train.tsv", "DATA": "train.tsv",
                 "NUMBERS": "numbers.tsv", "ARTIFACT": "run/model.graft",
                 "PROGRAM": "run/program.graft", "SCORE": "score/model.graft",
                 "TEACHER": "teacher", "PAGE": "page.mlir",
                 "LABELS": "labels.txt", "TEXT": "text.txt"}
        return {name: str(self.path(path)) for name, path in names.items()
                } | {"LEVEL": self.level}


class Case:
    """The folder and the variables of one case."""

    def __init__(self, base, folder):
        self.base = base
        self.folder = folder
        self.variables = base.variables()
        self.variables["OUT"] = str(folder / "out")
        self.variables["CASE"] = str(folder)

    def copy(self, variable, name):
        """A copy of what a variable names, which the variable names then."""
        source = pathlib.Path(self.variables[variable])
        target = self.folder / name
        if source != target:
            if source.is_dir():
                shutil.copytree(source, target)
            else:
                shutil.copyfile(source, target)
        self.variables[variable] = str(target)
        return target

    def file(self, variable, name, content):
        target = self.folder / name
        target.write_bytes(content)
        self.variables[variable] = str(target)


MAKERS = {}


def maker(function):
    MAKERS[function.__name__.replace("_", "-")] = function
    return function


def unescape(text):
    r"""\t, \n, \r, \0, \xNN (a byte) and \\; other characters are UTF-8."""
    result, i = b"", 0
    simple = {"t": b"\t", "n": b"\n", "r": b"\r", "0": b"\0", "\\": b"\\",
              "s": b" "}
    while i < len(text):
        if text[i] != "\\":
            result += text[i].encode()
            i += 1
        elif text[i + 1] == "x":
            result += bytes([int(text[i + 2:i + 4], 16)])
            i += 4
        else:
            result += simple[text[i + 1]]
            i += 2
    return result


def kind_of_file(path, kind):
    """Puts a file of a kind at a path, in place of what is there."""
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()
    if kind == "empty":
        path.write_bytes(b"")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(path.name)
    elif kind == "dangling":
        path.symlink_to("nowhere")
    elif kind == "text":
        path.write_text("not what it is taken for\n" * 50)
    elif kind == "zeros":
        path.write_bytes(bytes(4096))
    elif kind != "missing":
        raise ValueError(kind)


@maker
def file(case, variable, name, kind):
    """file VARIABLE NAME KIND: the variable names a new file of the kind."""
    path = case.folder / name
    kind_of_file(path, kind)
    case.variables[variable] = str(path)


@maker
def model_file(case, name, kind):
    """model-file NAME KIND: a file of the model is of the kind."""
    kind_of_file(case.copy("MODEL", "model") / name, kind)


@maker
def model_text(case, name, text):
    """model-text NAME TEXT: a file of the model has the text."""
    path = case.copy("MODEL", "model") / name
    path.write_bytes(unescape(text))


@maker
def content(case, variable, name, text):
    """content VARIABLE NAME TEXT: the variable names a file with the text."""
    case.file(variable, name, unescape(text))


def set_key(value, path, text):
    """Sets KEY.KEY in nested objects; no text removes it."""
    *parents, last = path.split(".")
    for key in parents:
        value = value[int(key) if isinstance(value, list) else key]
    if isinstance(value, list):
        last = int(last)
    if text is None:
        del value[last]
    else:
        value[last] = json.loads(text)


def edit_json(path, edits):
    value = json.loads(path.read_text())
    for edit in edits:
        if edit.startswith("-"):
            set_key(value, edit[1:], None)
        else:
            key, text = edit.split("=", 1)
            set_key(value, key, text)
    path.write_text(json.dumps(value))


@maker
def config(case, *edits):
    """config KEY=JSON -KEY...: sets and removes keys of config.json."""
    edit_json(case.copy("MODEL", "model") / "config.json", edits)


@maker
def tokenizer(case, *edits):
    """tokenizer KEY=JSON -KEY...: of the tokenizer.json of a model."""
    case.variables["MODEL"] = str(case.base.path("model-json"))
    edit_json(case.copy("MODEL", "model") / "tokenizer.json", edits)


@maker
def teacher_config(case, *edits):
    """teacher-config KEY=JSON -KEY...: of the teacher."""
    edit_json(case.copy("TEACHER", "teacher") / "config.json", edits)


@maker
def nested(case, name, depth):
    """nested NAME DEPTH: a file of the model is a list in a list in ..."""
    path = case.copy("MODEL", "model") / name
    path.write_text("[" * int(depth) + "]" * int(depth))


@maker
def vocabulary(case, how, *words):
    """vocabulary keep N | add WORD... | drop WORD | lines TEXT"""
    path = case.copy("MODEL", "model") / "vocab.txt"
    lines = path.read_text().split("\n")[:-1]
    if how == "keep":
        lines = lines[:int(words[0])]
    elif how == "add":
        lines += words
    elif how == "drop":
        lines.remove(words[0])
    elif how == "many":
        lines += [f"more{i}" for i in range(int(words[0]))]
    path.write_text("\n".join(lines) + "\n")


@maker
def weights(case, how, *words):
    """weights cut N | drop NAME | type NAME DTYPE | shape NAME JSON |
    value NAME NUMBER | header TEXT | length N | grow N | offsets NAME JSON"""
    path = case.copy("MODEL", "model") / "model.safetensors"
    parts = tensors()
    if how == "drop":
        del parts[words[0]]
    elif how == "rename":
        parts[words[1]] = parts.pop(words[0])
    elif how == "twice":
        parts[words[1]] = parts[words[0]]
    elif how == "type":
        dtype, shape, values = parts[words[0]]
        parts[words[0]] = (words[1], shape, values)
    elif how == "shape":
        dtype, _, values = parts[words[0]]
        parts[words[0]] = (dtype, json.loads(words[1]), values)
    elif how == "resize":
        dtype, _, values = parts[words[0]]
        shape = json.loads(words[1])
        count = 1
        for size in shape:
            count *= size
        parts[words[0]] = (dtype, shape, bytes(4 * count))
    elif how == "value":
        dtype, shape, values = parts[words[0]]
        parts[words[0]] = (dtype, shape,
                           struct.pack("<f", float(words[1])) + values[4:])
    data = safetensors(parts, words[0] if how == "header" else None)
    if how == "cut":
        data = data[:-int(words[0])]
    elif how == "first":
        data = data[:int(words[0])]
    elif how == "length":
        data = struct.pack("<Q", int(words[0])) + data[8:]
    elif how == "grow":
        data += bytes(int(words[0]))
    elif how == "offsets":
        size = struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:8 + size])
        header[words[0]]["data_offsets"] = json.loads(words[1])
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        data = struct.pack("<Q", len(text)) + text + data[8 + size:]
    path.write_bytes(data)


@maker
def table(case, text, name="t.tsv"):
    """table TEXT [NAME]: the table to train on and to read has the text."""
    case.file("TRAIN", name, unescape(text))
    case.variables["DATA"] = case.variables["TRAIN"]


@maker
def gzipped(case, text, name, cut="0"):
    """gzipped TEXT NAME [CUT]: a compressed table, without its last bytes."""
    data = gzip.compress(unescape(text), mtime=0)
    case.file("TRAIN", name, data[:len(data) - int(cut)])
    case.variables["DATA"] = case.variables["TRAIN"]


@maker
def page(case, before, after):
    """page BEFORE AFTER: replaces a text of the strategy."""
    text = pathlib.Path(case.variables["PAGE"]).read_text()
    before, after = (unescape(word).decode() for word in (before, after))
    if before not in text:
        raise ValueError(before)
    case.file("PAGE", "page.mlir", text.replace(before, after).encode())


@maker
def artifact(case, variable, how, *words):
    """artifact VARIABLE cut N | first N | flip PLACE | grow N | set PLACE HEX

    PLACE is an offset, or a fraction of the file such as 0.5."""
    path = case.copy(variable, variable.lower() + ".graft")
    data = bytearray(path.read_bytes())

    def place(word):
        return int(float(word) * len(data)) if "." in word else int(word)
    if how == "cut":
        data = data[:-int(words[0])]
    elif how == "first":
        data = data[:place(words[0])]
    elif how == "flip":
        data[place(words[0])] ^= 0x10
    elif how == "grow":
        data += bytes(int(words[0]))
    elif how == "set":
        data[place(words[0]):place(words[0]) + len(words[1]) // 2] = (
            bytes.fromhex(words[1]))
    else:
        raise ValueError(how)
    path.write_bytes(data)


@maker
def copy(case, variable, name):
    """copy VARIABLE NAME: a copy of what the variable names."""
    case.copy(variable, name)


@maker
def run_folder(case):
    """run-folder: the output is a copy of a run that ended."""
    shutil.copytree(case.base.path("run"), case.variables["OUT"])


@maker
def tensor_file(case, variable, name, tensor, shape, value):
    """tensor-file VARIABLE NAME TENSOR SHAPE NUMBER: of one tensor."""
    size = json.loads(shape)
    count = 1
    for one in size:
        count *= one
    case.file(variable, name, safetensors(
        {tensor: ("F32", size, struct.pack(f"<{count}f",
                                           *[float(value)] * count))}))
