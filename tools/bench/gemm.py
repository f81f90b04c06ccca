# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Matrix products of the shapes of MiniLM and BERT: chains of them, through
weights that are packed once, and chains with the gradients of all weights and
of what they multiply, where weights are new in each run and packing is in the
time. The chain of `16 rows` has so many weights that none is in a cache when
its turn comes again."""

import json
import shutil

import common
from common import accept
import models
import sides

ROWS = (128, 1024, 4096)
COLD_ROWS = 16
COLD_BYTES = 128e6  # more than caches hold
PRODUCTS = 8
TABLE = 64
MODULE = """#S = #graft.dims<S>
#T = #graft.dims<T>
module{attributes} {{
  graft.size @T bound {bound}
  graft.size @S bound 1
  graft.model @model weights "model.safetensors" {{
    graft.parameter @table.weight : tensor<{rows}x{width}xf32>
{parameters}
    graft.parameter @classifier.weight : tensor<26x{width}xf32>
    graft.parameter @classifier.bias : tensor<26xf32>
    func.func @logits(%ids: tensor<?xi32, #T> {{graft.name = "ids"}}, %types: \
tensor<?xi32, #T> {{graft.name = "types"}}, %segments: !graft.segments<T, S> \
{{graft.name = "segments"}}) -> (tensor<?x26xf32, #S> \
{{graft.name = "logits"}}) {{
      %table = graft.read @table.weight : tensor<{rows}x{width}xf32>
      %x0 = graft.embedding %ids, %table : (tensor<?xi32, #T>, \
tensor<{rows}x{width}xf32>) -> tensor<?x{width}xf32, #T>
{products}
      %first = graft.segment_pool first %x{count}, %segments : \
(tensor<?x{width}xf32, #T>, !graft.segments<T, S>) -> tensor<?x{width}xf32, #S>
      %weight = graft.read @classifier.weight : tensor<26x{width}xf32>
      %bias = graft.read @classifier.bias : tensor<26xf32>
      %logits = graft.linear %first, %weight, %bias : (tensor<?x{width}xf32, \
#S>, tensor<26x{width}xf32>, tensor<26xf32>) -> tensor<?x26xf32, #S>
      return %logits : tensor<?x26xf32, #S>
    }}
  }}
  transfer.strategy @probe {{
    %ids, %types, %segments, %labels = transfer.stream @train of ids, types, \
segments, labels<26> in @T, @S
{groups}
    transfer.group @rest of @model rest frozen
    %logits = transfer.call @model::@logits(%ids, %types, %segments) : \
(tensor<?xi32, #T>, tensor<?xi32, #T>, !graft.segments<T, S>) -> \
tensor<?x26xf32, #S>
    %loss = transfer.loss cross_entropy %logits, %labels mean : \
tensor<?x26xf32, #S>, tensor<?xi32, #S>
    transfer.predict %logits softmax : tensor<?x26xf32, #S>
    transfer.phase @step minimise %loss over [{learning}] with adamw rate constant \
1.0e-3
    transfer.schedule epochs 1 of [@step]
  }}
}}
"""
GROUPS = {"head": "^classifier", "chain": "^product"}
# Columns by what is raced. Products of bf16 are oneDNN's in torch.mm, too, and
# MKL packs f32 only.
COLUMNS = {
    ("forward", "fp32"): {"onednn_packed": ("products-onednn", False),
                          "mkl": ("products-mm", False),
                          "mkl_tuned": ("products-mm", True),
                          "mkl_packed_tuned": ("products-mkl", True)},
    ("forward", "bf16"): {"onednn_packed": ("products-onednn", False),
                          "onednn": ("products-mm", False)},
    ("gradients", "fp32"): {"mkl": ("products-gradients", False),
                            "mkl_tuned": ("products-gradients", True)},
    ("gradients", "bf16"): {"onednn": ("products-gradients", False)},
}

LEARNING = {"forward": ["head"], "gradients": ["chain", "head"]}
ENTRIES = {"forward": "predict", "gradients": "accumulate"}
# The least ratio wanted against the best peer.
TARGET, COLD_TARGET = 0.92, 1.0


def module(widths, bound, learning, attributes=""):
    pairs = list(enumerate(zip(widths, widths[1:])))
    parameters = "\n".join(
        f"    graft.parameter @product{i}.weight : tensor<{n}x{k}xf32>"
        for i, (k, n) in pairs)
    products = "\n".join(
        f"      %w{i} = graft.read @product{i}.weight : tensor<{n}x{k}xf32>\n"
        f"      %x{i + 1} = graft.linear %x{i}, %w{i} : "
        f"(tensor<?x{k}xf32, #T>, tensor<{n}x{k}xf32>) -> "
        f"tensor<?x{n}xf32, #T>" for i, (k, n) in pairs)
    groups = "\n".join(
        f'    transfer.group @{name} of @model select "{GROUPS[name]}"'
        for name in learning)
    return MODULE.format(attributes=attributes, bound=bound, rows=TABLE, width=widths[0],
                         parameters=parameters, products=products,
                         count=len(pairs), groups=groups,
                         learning=", ".join(f"@{name}" for name in learning))


def chain(width, inner, products):
    """Widths of a chain, which ends as wide as it begins."""
    return [width, *[inner, width] * (products // 2)]


def make_chain(settings, name, widths, bound):
    """Folder with the weights."""
    folder = settings.work / "models" / name
    shutil.rmtree(folder, ignore_errors=True)
    common.run(sides.peers_python(), common.ROOT / "tools/bench/peer.py",
               "export-products", "--model", folder, "--sizes",
               json.dumps({"widths": widths, "rows": TABLE}))
    models.copy_tokenizer(accept.setting("GRAFT_MINILM"), folder)
    for kind, learning in LEARNING.items():
        (folder / f"{kind}.mlir").write_text(module(widths, bound, learning))
    return folder


def compile_chain(settings, folder, name, precision):
    program = folder / f"{name}-{precision}.graft"
    common.run(common.ROOT / "build/bin/graft-compile",
               folder / f"{name}.mlir", "--model", f"model={folder}",
               "--precision", precision, *settings.targets, "-o", program)
    return program


def chains(settings):
    """Name, widths, number of products, numbers of rows, and kinds of each."""
    both = ("forward", "gradients")
    if settings.smoke:
        return [("64", 64, 128, 2, (16,), both)]
    found = [(f"{width}-{inner}", width, inner, PRODUCTS, ROWS, both)
             for width in (384, 768) for inner in (width, 4 * width)]
    found += [(f"{width}-{inner}-cold", width, inner,
               2 * -(-int(COLD_BYTES) // (8 * width * inner)),
               (COLD_ROWS,), ("forward",))
              for width, inner in ((768, 768), (768, 3072))]
    return found[2:4] + found[-1:] if settings.quick else found


def run(settings, not_run, versions):
    rows = []
    for name, width, inner, products, counts, kinds in chains(settings):
        widths = chain(width, inner, products)
        folder = make_chain(settings, name, widths, max(counts))
        for kind in kinds:
            for precision in settings.precisions:
                program = compile_chain(settings, folder, kind, precision)
                for threads in settings.threads:
                    rows += race(settings, folder, program, kind, precision,
                                 widths, counts, threads, not_run, versions)
    return rows, [] if settings.smoke else summarise(rows)


def summarise(rows):
    def class_of(row):
        return (row["kind"], row["rows"] == COLD_ROWS, row["precision"],
                row["threads"])
    return [common.geometric_mean(
        [row for row in rows if class_of(row) == key],
        {"model": f"{key[0]}, " + ("16 rows, cold" if key[1]
                                   else "128 to 4096 rows"),
         "threads": key[3], "precision": key[2]},
        target=COLD_TARGET if key[1] else TARGET)
        for key in dict.fromkeys(map(class_of, rows))]


def operations(kind, widths, count):
    """Two a multiply-add; below the first weight nothing has a gradient."""
    products = [2 * count * k * n for k, n in zip(widths, widths[1:])]
    return (sum(products) if kind == "forward"
            else 3 * sum(products) - products[0])


def race(settings, folder, program, kind, precision, widths, counts, threads,
         not_run, versions):
    rows = []
    with sides.started(program, COLUMNS[kind, precision],
                       ["--model", folder, "--precision", precision], threads,
                       settings, not_run, versions,
                       entries=ENTRIES[kind]) as (graft, peers):
        for count in counts:
            work = models.shape_work(1, count, vocabulary=TABLE)
            differences = {}
            if kind == "forward":
                differences = sides.agreeing(graft, peers, work, not_run,
                                             precision)
                peers = list(differences)
            rows.append(common.make_row(
                {"model": f"{len(widths) - 1} products, {kind}", "work":
                 f"{count} rows, {widths[0]} to {widths[1]} and back",
                 "threads": threads, "precision": precision},
                common.race((graft, *peers), work, settings),
                flops=operations(kind, widths, count),
                peak=settings.peak(threads, precision), rows=count, kind=kind,
                differences={peer.name: value
                             for peer, value in differences.items()}))
            print(common.describe(rows[-1]), flush=True)
    return rows
