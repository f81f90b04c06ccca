#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Compares WordPieceTokenizer with the `tokenizers` package, id by id.

  wordpiece_parity.py WORDPIECE_IDS [--data DIR] [--glosses DIR] [--fuzz N]
      [--seed S] [--record FILE]

WORDPIECE_IDS is the test tool of that name. DIR (default: the environment's
GRAFT_DATA, else shared/data beside the repository) holds the data sets and
vocabularies; without it the comparison is skipped and says so. --glosses names
what tools/quickstart/glosses.py wrote, which is compared as well. --record
keeps what was compared, as JSON. Needs a Python
with tokenizers: when this one has none, the one named by
GRAFT_REFERENCE_PYTHON runs the script; without either it is skipped.

Exit code 0: all equal; 1: a difference; 77: skipped.
"""

import argparse
import gzip
import itertools
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

SKIPPED = 77

try:
    import tokenizers
except ImportError:
    python = os.environ.get("GRAFT_REFERENCE_PYTHON", "")
    if python and not os.environ.get("GRAFT_PARITY_NESTED"):
        os.environ["GRAFT_PARITY_NESTED"] = "1"
        os.execv(python, [python, *sys.argv])
    print("skipped: no Python package tokenizers; name a Python that has it "
          "in GRAFT_REFERENCE_PYTHON")
    sys.exit(SKIPPED)

ENGLISH = ("ag_news", "amazon4", "btc_ner", "clinc150", "clothing_reviews",
           "cola", "fashion_products", "mrpc", "qqp", "snli", "squad", "sst2",
           "stsb", "trec", "ud_ewt", "wikigold_ner")
CHINESE = ("afqmc", "chnsenticorp", "cmrc2018", "ocnli", "tnews", "weibo_ner")
ROOT = pathlib.Path(__file__).resolve().parents[4]
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def reference(vocabulary, **normalizer):
    """The pipeline of BertTokenizerFast over a vocab.txt."""
    model = tokenizers.models.WordPiece.from_file(
        str(vocabulary), unk_token="[UNK]", max_input_chars_per_word=100)
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.add_special_tokens(list(SPECIAL))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(**normalizer)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = tokenizers.processors.BertProcessing(
        ("[SEP]", tokenizer.token_to_id("[SEP]")),
        ("[CLS]", tokenizer.token_to_id("[CLS]")))
    return tokenizer


def strings(value):
    """All strings of a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings(item)


def texts(folder):
    for path in sorted(folder.glob("*.tsv")):
        with open(path, encoding="utf-8", newline="\n") as lines:
            next(lines)
            for line in lines:
                yield from line.rstrip("\n").split("\t")
    for path in sorted(folder.glob("*.jsonl*")):
        unpack = gzip.open if path.suffix == ".gz" else open
        with unpack(path, "rt", encoding="utf-8", newline="\n") as lines:
            for line in lines:
                yield from strings(json.loads(line))


def pairs(folder):
    for path in sorted(folder.glob("*.tsv")):
        with open(path, encoding="utf-8", newline="\n") as lines:
            header = next(lines).rstrip("\n").split("\t")
            if "text_b" not in header:
                return
            a, b = header.index("text_a"), header.index("text_b")
            for line in lines:
                fields = line.rstrip("\n").split("\t")
                yield fields[a], fields[b]


def too_new_for_package():
    """Capital letters that only a newer package knows.

    The package lower-cases by the Unicode version of its compiler; ours is that
    of the version named in unicode_exceptions.inc. The letters that came in
    between are left out of the comparison, and counted.
    """
    table = (ROOT / "runtime/tokenize/wordpiece" /
             "unicode_exceptions.inc").read_text()
    table = table[table.index("kLowerExceptions"):]
    lower = tokenizers.normalizers.Lowercase()
    return {chr(int(a, 16)) for a, b in re.findall(r"{0x(\w+), 0x(\w+)}", table)
            if lower.normalize_str(chr(int(a, 16))) == chr(int(a, 16)) and
            a != b}


def fuzzed(count, seed, pieces, without):
    """Strings that mix scripts, marks, blanks, specials and any code point."""
    rng = random.Random(seed)
    blocks = ((0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x52F),
              (0x590, 0x6FF), (0x900, 0xDFF), (0xE00, 0x11FF),
              (0x1AB0, 0x1FFF), (0x2000, 0x2BFF), (0x2E80, 0x33FF),
              (0x3400, 0x9FFF), (0xA000, 0xD7FF), (0xE000, 0xFAFF),
              (0xFB00, 0xFFFF), (0x10000, 0x1FFFF), (0x20000, 0x32FFF),
              (0xE0000, 0xE01FF), (0, 0x1F), (0, 0x10FFFF))

    def atom():
        kind = rng.random()
        if kind < 0.15:
            return rng.choice(pieces)
        if kind < 0.25:
            return rng.choice((" ", "  ", "\t", "\n", "\r\n", "\u3000", "\xa0",
                               "\u200b", "\u2028", "", "##"))
        if kind < 0.29:
            return rng.choice(SPECIAL + ("[cls]", "[MASK", "[[SEP]]"))
        low, high = rng.choice(blocks)
        code = rng.randint(low, high)
        if 0xD800 <= code < 0xE000 or chr(code) in without:
            return ""
        return chr(code)

    for i in range(count):
        length = rng.choice((1, 2, 3, 5, 8, 13, 30, 30, 120))
        yield "".join(atom() for _ in range(rng.randint(0, length)))


def escape(text):
    return (text.replace("\\", "\\\\").replace("\n", "\\n")
            .replace("\t", "\\t").replace("\r", "\\r"))


def byte_offsets(text):
    """Byte offset of each code point, and of the end."""
    offsets = [0]
    for character in text:
        offsets.append(offsets[-1] + len(character.encode()))
    return offsets


def compare(tool, vocabulary, tokenizer, inputs, what, max_length=None,
            rows=None):
    """Prints one line of counts, kept in `rows`; returns how many differ."""
    inputs = list(dict.fromkeys(inputs))  # words of tagged text repeat a lot
    lines = "".join(
        (escape(x) if isinstance(x, str) else "\t".join(map(escape, x))) + "\n"
        for x in inputs)
    command = [tool, str(vocabulary)]
    if max_length is not None:
        command.append(str(max_length))
        tokenizer.enable_truncation(max_length)
    done = subprocess.run(command, input=lines.encode(), check=True,
                          stdout=subprocess.PIPE)
    answers = done.stdout.decode().split("\n")[:-1]
    assert len(answers) == len(inputs), (len(answers), len(inputs))
    bad = bad_offsets = tokens = 0
    for start in range(0, len(inputs), 2000):
        batch = inputs[start:start + 2000]
        for text, encoding, answer in zip(batch, tokenizer.encode_batch(batch),
                                          answers[start:start + 2000]):
            ours = [token.split(":") for token in answer.split(" ")]
            ids = [int(token[0]) for token in ours]
            types = [int(token[1]) for token in ours]
            tokens += len(ids)
            if ids != encoding.ids or types != encoding.type_ids:
                bad += 1
                if bad <= 5:
                    print(f"  {text!r}\n    expects {encoding.ids}\n"
                          f"    got     {ids}")
            elif isinstance(text, str):
                at = byte_offsets(text)
                expected = [f"{at[a]}-{at[b]}" for a, b in encoding.offsets]
                if expected != [token[2] for token in ours]:
                    bad_offsets += 1
                    if bad_offsets <= 3:
                        print(f"  {text!r}\n    expects offsets {expected}\n"
                              f"    got {[token[2] for token in ours]}")
    tokenizer.no_truncation()
    print(f"{what}: {len(inputs)} texts, {tokens} tokens, {bad} unequal, "
          f"{bad_offsets} with other offsets", flush=True)
    if rows is not None:
        rows.append({"what": what, "texts": len(inputs), "tokens": tokens,
                     "unequal": bad, "with_other_offsets": bad_offsets})
    return bad + bad_offsets


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tool")
    parser.add_argument("--data", default=os.environ.get("GRAFT_DATA"))
    parser.add_argument("--glosses", type=pathlib.Path)
    parser.add_argument("--record", type=pathlib.Path)
    parser.add_argument("--fuzz", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    data = pathlib.Path(arguments.data or ROOT.parent / "shared" / "data")
    if not (data / "vocab").is_dir():
        print(f"skipped: no data sets in {data}; name the folder in GRAFT_DATA")
        return SKIPPED

    without = too_new_for_package()
    print(f"tokenizers {tokenizers.__version__}: {len(without)} code points left "
          "out, too new for its tables")
    bad = 0
    rows = []
    for name, folders in (("bert_base_uncased_en_vocab.txt", ENGLISH),
                          ("bert_base_chinese_vocab.txt", CHINESE)):
        vocabulary = data / "vocab" / name
        tokenizer = reference(vocabulary)
        run = lambda *rest: compare(arguments.tool, vocabulary, tokenizer,
                                    *rest, rows=rows)
        if folders is ENGLISH and arguments.glosses:
            bad += run(texts(arguments.glosses), "glosses of WordNet's nouns")
        for folder in folders:
            bad += run(texts(data / folder), folder)
            both = list(pairs(data / folder))
            if both:
                bad += run(both, f"{folder} pairs, at most 24", 24)
                bad += run(both, f"{folder} pairs, at most 17", 17)
        with open(vocabulary, encoding="utf-8") as lines:
            pieces = [line.rstrip("\n") for line in lines]
        strange = fuzzed(arguments.fuzz, arguments.seed, pieces, without)
        bad += run(strange, f"fuzzed with {name}")
    # Each setting of the normaliser, by way of a tokenizer.json.
    english = data / "vocab" / "bert_base_uncased_en_vocab.txt"
    strange = list(fuzzed(arguments.fuzz // 10, arguments.seed + 1, pieces,
                          without))
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "tokenizer.json"
        for clean, chinese, strip, lower in itertools.product(
                (True, False), (True, False), (None, True, False),
                (True, False)):
            settings = dict(clean_text=clean, handle_chinese_chars=chinese,
                            strip_accents=strip, lowercase=lower)
            tokenizer = reference(english, **settings)
            tokenizer.save(str(path))
            name = " ".join(f"{key}={value}" for key, value in settings.items())
            bad += compare(arguments.tool, path, tokenizer, strange, name,
                           rows=rows)
    tokenizer = reference(vocabulary)
    every = [f"a{chr(c)}B" for c in range(0x110000)
             if not 0xD800 <= c < 0xE000 and chr(c) not in without]
    bad += run(every, "every code point between two letters")
    if arguments.record:
        arguments.record.write_text(json.dumps({
            "passed": bad == 0, "tokenizers": tokenizers.__version__,
            "texts": sum(row["texts"] for row in rows),
            "tokens": sum(row["tokens"] for row in rows), "unequal": bad,
            "fuzzed": 2 * arguments.fuzz, "seed": arguments.seed,
            "code_points_left_out": len(without), "rows": rows}) + "\n")
    print("all equal" if bad == 0 else f"{bad} unequal")
    return 0 if bad == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
