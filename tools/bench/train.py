# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Optimiser steps on batches of texts of one length."""

import common
import models
import sides

SHAPES = ((16, 128), (32, 64))
# The least ratio wanted against the best PyTorch, by model, precision, dropout.
TARGETS = {("minilm-l6", "fp32", 0.1): 1.6, ("bert-base", "fp32", 0.1): 1.2,
           ("minilm-l6", "bf16", 0.1): 2.2, ("bert-base", "bf16", 0.1): 1.6}
WITHOUT_DROPOUT = 1.15


def run(settings, not_run, versions):
    shapes = ((2, 16),) if settings.smoke else SHAPES
    names = ["tiny"] if settings.smoke else ["minilm-l6", "bert-base"]
    rows = []
    for name in names[:1] if settings.quick else names:
        model = models.Model(name, settings)
        for precision in settings.precisions:
            for dropout in (0.1, 0.0):
                program = model.program(max(b * n for b, n in shapes),
                                        max(b for b, _ in shapes), dropout,
                                        precision)
                for threads in settings.threads:
                    rows += race(settings, model, program, precision, dropout,
                                 threads, shapes, not_run, versions)
    return rows, []


def race(settings, model, program, precision, dropout, threads, shapes,
         not_run, versions):
    # Compiling takes minutes on a small machine, and a tiny model is no race.
    skip = ("pytorch_compiled",) if settings.smoke else ()
    rows = []
    with sides.started(program, sides.TRAINING,
                       ["--model", model.folder, "--dropout", dropout,
                        "--precision", precision],
                       threads, settings, not_run, versions,
                       entries="accumulate,update",
                       skip=skip) as (graft, peers):
        for texts, length in shapes:
            rows.append(common.make_row(
                {"model": model.name, "work": f"{texts}x{length}, dropout "
                 f"{dropout}", "threads": threads, "precision": precision},
                common.race((graft, *peers),
                            models.shape_work(texts, length), settings),
                flops=3 * model.forward_flops(texts, length),
                peak=settings.peak(threads, precision),
                targets={"best": TARGETS.get((model.name, precision, dropout),
                                             WITHOUT_DROPOUT)}
                if threads == 2 and not settings.smoke else None))
            print(common.describe(rows[-1]), flush=True)
    return rows
