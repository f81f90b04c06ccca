#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Runs one fuzzer from a fresh set of seeds and the inputs that once failed.

  run_fuzz.py NAME PROGRAM CORPUS

Seeds go to CORPUS, which also collects what the fuzzer finds worth keeping. An
input that fails is left beside it as CORPUS-failure-...; add it to
test/fuzz/regressions/NAME/ with the fix. Runs for GRAFT_FUZZ_SECONDS (20).
"""

import gzip
import json
import math
import os
import pathlib
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def safetensors_seeds():
    def file(header, data):
        text = header if isinstance(header, bytes) else json.dumps(
            header, separators=(",", ":")).encode()
        return struct.pack("<Q", len(text)) + text + data

    tensor = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}
    half = {"dtype": "BF16", "shape": [1, 2], "data_offsets": [8, 12]}
    empty = {"dtype": "F16", "shape": [0, 3], "data_offsets": [8, 8]}
    yield file({}, b"")
    yield file({"a": tensor}, bytes(8))
    yield file({"__metadata__": {"format": "pt"}, "a": tensor, "b": half},
               bytes(12))
    yield file({"a": tensor, "e": empty}, bytes(8))
    yield file({"a": {**tensor, "data_offsets": [4, 12]}}, bytes(12))
    yield file({"a": {**tensor, "shape": [1 << 62, 4]}}, bytes(8))
    yield file(b'{"a":{},"a":{}}  ', b"")
    yield struct.pack("<Q", 1 << 60) + b"{}"


def checkpoint_index_seeds():
    for weight_map in ({"a.x": "a", "a.y": "a", "b.x": "b", "b.y": "b"},
                       {"b.y": "b"}, {"a.x": "b"}, {"a.x": "c"}, {"a.x": "../a"},
                       {"a.x": ".."}, {"a.x": 1}, {"": "a"}, {}, [], "a"):
        yield json.dumps({"metadata": {"total_size": 16},
                          "weight_map": weight_map}).encode()
    yield b'{"weight_map": {"a.x": "a", "a.x": "b"}}'
    yield b'{"weight_map": {"a.x": "\\u0000", "\xff": "a"}}'
    yield b"[" * 100


def peft_seeds():
    base = {"peft_type": "LORA", "r": 2, "lora_alpha": 4}
    for more in ({}, {"use_rslora": True, "target_modules": ["query", "value"]},
                 {"use_dora": True}, {"peft_type": "IA3"}, {"r": "two"},
                 {"r": 1e300}, {"lora_alpha": -1}, {"bias": "all"},
                 {"rank_pattern": {"query": 8}}, {"init_lora_weights": "pissa"},
                 {"target_modules": [1]}, {"target_modules": "all-linear"}):
        yield json.dumps({**base, **more}).encode()
    config = json.dumps({**base, "use_dora": True}).encode()
    name = "base_model.model.m"
    tensors = {f"{name}.lora_A.weight": [2, 1], f"{name}.lora_B.weight": [1, 2],
               f"{name}.lora_magnitude_vector": [1],
               "base_model.model.classifier.weight": [1, 1]}
    header, begin = {}, 0
    for key, shape in tensors.items():
        size = 4 * math.prod(shape)
        header[key] = {"dtype": "F32", "shape": shape,
                       "data_offsets": [begin, begin + size]}
        begin += size
    text = json.dumps(header).encode()
    yield config + b"\0" + struct.pack("<Q", len(text)) + text + bytes(begin)
    yield b"[" * 100


def artifact_seeds():
    yield b"x"  # the program makes a valid artifact of anything that is none


def checkpoint_seeds():
    yield b"x"  # the program makes a valid state of anything that is none


def host_program_seeds():
    yield b"x"
    yield bytes(range(1, 200))


def config_seeds():
    base = {"model_type": "bert", "hidden_size": 64, "num_attention_heads": 4}
    yield json.dumps(base).encode()
    yield json.dumps({
        **base, "architectures": ["BertModel"], "hidden_act": "gelu_new",
        "classifier_dropout": 0.5, "layer_norm_eps": 1e-12,
        "id2label": {"0": "NEG", "1": "POS"}, "label2id": {"NEG": 0, "POS": 1},
        "problem_type": "regression", "is_decoder": False,
        "position_embedding_type": "absolute", "vocab_size": 30522,
        "pad_token_id": 0, "type_vocab_size": 2, "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1, "initializer_range": 0.02,
        "max_position_embeddings": 512, "intermediate_size": 128,
        "num_hidden_layers": 2}).encode()
    yield b'{"model_type": "bert", "vocab_size": 18446744073709551615}'
    yield b"[" * 100


def wordpiece_seeds():
    pieces = "a\nb\n##a\n##b\ncafe\nun\n##aff\n##able\n,\n\u4e2d\n".encode()
    texts = ("unaffable, caf\u00e9", "a[MASK]b [SEP]", "\u4e2d\u6587 AB",
             "e\u0301\u0323\u0301 \ud55c\uae00 \u0130\u200b\ufffd", "\u1f82\U0001d160")
    for i, text in enumerate(texts):
        yield bytes([(2 + 4 + 8 + 16 * i) & 0xFE]) + text.encode() + b"\0" + pieces
    single = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}},
              {"Sequence": {"id": "A", "type_id": 0}},
              {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    pair = single + [{"Sequence": {"id": "B", "type_id": 1}},
                     {"SpecialToken": {"id": "[SEP]", "type_id": 1}}]
    tokenizer = {
        "added_tokens": [{"id": 5, "content": "<E>", "lstrip": True,
                          "rstrip": True, "normalized": False}],
        "normalizer": {"type": "BertNormalizer", "strip_accents": None},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": single,
                           "pair": pair},
        "model": {"type": "WordPiece", "max_input_chars_per_word": 100,
                  "vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3,
                            "##b": 4}}}
    yield b"\x01ab <E> a\0" + json.dumps(tokenizer).encode()
    tokenizer["post_processor"] = {"type": "BertProcessing",
                                   "sep": ["[SEP]", 2], "cls": ["[CLS]", 1]}
    yield b"\x01 a\xc3\xa9\0" + json.dumps(tokenizer).encode()
    added = {"5": {"content": "<E>", "normalized": True, "single_word": True}}
    for more in ({}, {"tokenizer_class": "BertTokenizer", "cls_token": "<s>",
                      "truncation_side": "left", "model_max_length": 9}):
        yield b"\x81ab <e> a\0" + json.dumps(
            {**tokenizer, "added_tokens_decoder": added, **more}).encode()
    kept = {"version": 2, "ids": 4, "clean_text": True, "split_chinese": True,
            "lower_case": True, "strip_accents": True, "prefix": "##",
            "longest_word": 9, "unknown": "u", "cls": "c", "sep": "s",
            "padding": "", "mask": "", "truncate_left": False, "max_length": 0,
            "added": [{"content": "<E>", "id": 4, "normalized": True}]}
    yield (b"\x80ab <e> a\0" + json.dumps(kept).encode() + b"\n" +
           struct.pack("<4I", 1, 1, 1, 3) + b"ucs##a")


def tsv_seeds():
    for table in (b"weight\tlabel\ttext\n1\t1\tfirst\n.5\t0\tsecond\n",
                  b"text\tlabel\tweight\r\na\t\t1e-3\r\n",
                  b"\xef\xbb\xbflabel\ttext\tweight\n\n", b"text\n",
                  b"weight\tlabel\ttext\n1\n",
                  b"text\tlabel\tweight\n" + b"x" * 600,
                  b"text\tlabel\tweight\na\xff\tb\t1\n",
                  b"text\tlabel\tweight\na\0\tb\t1\n",
                  b"text\tlabel\tweight\na\tb\t2\n\n\nc\td\t2",
                  b"text\tlabel\tweight\na\tb\tnan\n",
                  b"text\tlabel\tweight\na\tb\t-1e999\n",
                  b"text\tlabel\tweight\na\tb\t \n"):
        for step in (0, 6):
            yield bytes([step]) + table


def csv_seeds():
    for table in (b"weight,label,text\n1,1,first\n.5,0,second\n",
                  b'\xef\xbb\xbf"text",label,weight\r\n"a, ""b""\r\nc",,1e-3\r\n',
                  b'text,label,weight\n"open,1,2\na,1,1\n',
                  b'text,label,weight\n"a"b,1,2\n5" disk,,1\n',
                  b'text,label,weight\na,b\n\n"\n\xff",,1\n',
                  b'text,label,weight\n"' + b"x\n" * 300 + b'",,1',
                  b"text;label;weight\na;b;1\n", b"text,label,weight\ra,b,1\r"):
        for step in (0, 6):
            yield bytes([step]) + table


def compressed_seeds():
    text = b'text\n"a\nb"\n' + b"word\n" * 40
    # A frame of raw bytes, with one byte for its size.
    frame = (b"\x28\xb5\x2f\xfd\x20" + bytes([len(text)]) +
             (len(text) << 3 | 1).to_bytes(3, "little") + text)
    member = gzip.compress(text, mtime=0)
    skipped = b"\x50\x2a\x4d\x18\x02\0\0\0xy"
    for table in (member, member + b"\0" * 9 + member, member[:-4], frame,
                  frame + skipped + frame, skipped + frame, frame[:-4], text):
        for step in (0, 6):
            yield bytes([step]) + table


def jsonl_seeds():
    for table in (b'{"a": "x", "w": ["y", "z"], "n": 2, "j": {"k": [1, null]}}\n'
                  * 2,
                  b'{"a": 2.5, "w": ["y"], "n": ".5", "j": true}\n\n{"a": 1}',
                  b'{"a": "\\u0000", "w": [], "n": 0, "j": 1e999}',
                  b'{"a": "\\ud83d\\ude00", "w": ["\xe4\xb8\xad"], "n": 1, "j": ""}',
                  b'{"a": "x", "w": ["y"], "n": "1\\u0000", "j": 1}',
                  b'{"a": "x", "w": ["y"], "n": -1e38, "j": 1}',
                  b'{"n": -1.5, "j": {"n": 2, "m": {"n": 3}}, "j.n": "-.5"}\n' * 2,
                  b'{"n": 1, "j": {"n": "x"}}\n{"n": 1, "j": [{"n": 1}]}',
                  b"[1]", b"{}\n", b'{"a": "' + b"x" * 600 + b'"}'):
        for step in (0, 6):
            yield bytes([step]) + table


def main():
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    name, program, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    folder.mkdir(parents=True, exist_ok=True)
    for i, seed in enumerate(globals()[f"{name}_seeds"]()):
        (folder / f"seed-{i}").write_bytes(seed)
    seconds = os.environ.get("GRAFT_FUZZ_SECONDS", "20")
    # The time of one input is the wall's: a machine that is busy with other
    # work may not run the fuzzer at all for half a minute.
    command = [program, f"-max_total_time={seconds}", "-max_len=16384",
               "-timeout=120", "-rss_limit_mb=3000", "-print_final_stats=1",
               f"-artifact_prefix={folder}-failure-", str(folder)]
    known = HERE / "regressions" / name
    if known.is_dir():
        command.append(str(known))
    return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main())
