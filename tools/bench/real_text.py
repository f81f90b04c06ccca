# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Answers to, and training on, the quickstart's glosses, 32 a batch.

Graft takes them in the order in which they arrive. Peers pad: to 128 tokens,
to the longest of a batch, or to the longest after all texts were sorted by
length, which leaves almost no padding but is not the order that was asked for.
"""

import csv
import json

import common
import models
import sides

BATCH = 32
LONGEST = 128
# The least ratios wanted, by what the peers do with padding.
ANSWERS = {"longest": {"best": 2.0}, "sorted": {"best": 1.1}}
TARGETS = {
    ("answers", "fp32"): ANSWERS, ("answers", "bf16"): ANSWERS,
    ("training", "fp32"): {"longest": {"best": 3.2}, "sorted": {"best": 1.4},
                           "128": {"best": 11.0, "pytorch": 19.0}},
    ("training", "bf16"): {"longest": {"best": 4.3}, "sorted": {"best": 2.0},
                           "128": {"best": 15.0}},
}


def read_tokens(settings, model):
    """Token ids of the first texts, by the peers' tokenizer."""
    with open(settings.glosses / "train.tsv", encoding="utf-8",
              newline="") as file:
        texts = [row["text"] for row in csv.DictReader(
            file, delimiter="\t", quoting=csv.QUOTE_NONE)][:settings.rows]
    script = ("import json, sys, tokenizers\n"
              "t = tokenizers.Tokenizer.from_file(sys.argv[1])\n"
              "t.no_padding()\n"
              "t.enable_truncation(int(sys.argv[2]))\n"
              "print(json.dumps([e.ids for e in "
              "t.encode_batch(json.load(sys.stdin))]))")
    return json.loads(common.run(
        sides.peers_python(), "-c", script, model.folder / "tokenizer.json",
        LONGEST, input=json.dumps(texts)))


def make_works(texts):
    def batches(rows):
        return [rows[i:i + BATCH] for i in range(0, len(rows), BATCH)]
    arrival = batches(texts)
    return {"arrival": sides.Work("arrival", arrival),
            "longest": sides.Work("longest", arrival),
            "128": sides.Work("padded-128", arrival, width=LONGEST),
            "sorted": sides.Work("sorted",
                                 batches(sorted(texts, key=len)))}


def run(settings, not_run, versions):
    model = models.Model("tiny" if settings.smoke else "minilm-l6", settings)
    works = make_works(read_tokens(settings, model))
    tokens = max(sum(map(len, batch)) for batch in works["arrival"].batches)
    rows = []
    for precision in settings.precisions:
        program = model.program(tokens, BATCH, precision=precision)
        for threads in settings.threads:
            for kind, columns, entries in (
                    ("answers", sides.ANSWERING, "predict"),
                    ("training", sides.TRAINING, "accumulate,update")):
                # A function for each shape is no answer to texts of all
                # lengths.
                with sides.started(
                        program, columns, ["--model", model.folder,
                                           "--precision", precision],
                        threads, settings, not_run, versions, entries=entries,
                        skip=("pytorch_compiled",)) as (graft, peers):
                    rows += race(settings, model, works, kind, precision,
                                 threads, graft, peers, not_run)
    return rows, []


def race(settings, model, works, kind, precision, threads, graft, peers,
         not_run):
    more = {}
    if kind == "answers":
        first = sides.Work("first", works["arrival"].batches[:1])
        agreeing = sides.agreeing(graft, peers, first, not_run, precision)
        peers = list(agreeing)
        more["differences"] = {peer.name: value
                               for peer, value in agreeing.items()}
    rows = []
    for padding in ("sorted", "longest", "128"):
        if kind == "answers" and padding == "128":
            continue
        samplers = {"graft": common.sampler(graft, works["arrival"],
                                            settings.seconds)}
        for peer in peers:
            samplers[peer.name] = common.sampler(peer, works[padding],
                                                 settings.seconds)
        samples = common.alternate(samplers, settings.pairs)
        targets = TARGETS[kind, precision][padding]
        if "pytorch_tuned" not in samples:
            # That against PyTorch as installed is for where tuning it helps.
            targets = {"best": targets["best"]}
        row = common.make_row(
            {"model": model.name, "work": f"{kind}, {padding}",
             "threads": threads, "precision": precision}, samples,
            targets=targets if threads == 2 else None,
            texts=settings.rows, tokens=works["arrival"].tokens,
            padded_tokens=works[padding].padded_tokens, **more)
        row["texts_per_second"] = {
            name: settings.rows / seconds
            for name, seconds in row["medians"].items()}
        rows.append(row)
        print(common.describe(row), flush=True)
    return rows
