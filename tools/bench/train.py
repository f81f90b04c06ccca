# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Optimiser steps on batches of texts of one length."""

import common
import models
import sides

SHAPES = ((16, 128), (32, 64))
# The least ratio wanted against the best PyTorch, by model and dropout.
TARGETS = {("minilm-l6", 0.1): 1.6, ("bert-base", 0.1): 1.2,
           ("minilm-l6", 0.0): 1.15, ("bert-base", 0.0): 1.15}


def run(settings, not_run, versions):
    shapes = ((2, 16),) if settings.smoke else SHAPES
    names = ["tiny"] if settings.smoke else ["minilm-l6", "bert-base"]
    rows = []
    for name in names[:1] if settings.quick else names:
        model = models.Model(name, settings)
        for dropout in (0.1, 0.0):
            program = model.program(max(b * n for b, n in shapes),
                                    max(b for b, _ in shapes), dropout)
            for threads in settings.threads:
                rows += race(settings, model, program, dropout, threads,
                             shapes, not_run, versions)
    return rows, []


def race(settings, model, program, dropout, threads, shapes, not_run,
         versions):
    rows = []
    with sides.started(program, sides.TRAINING,
                       ["--model", model.folder, "--dropout", dropout],
                       threads, settings, not_run, versions,
                       entries="accumulate,update") as (graft, peers):
        for texts, length in shapes:
            rows.append(common.make_row(
                {"model": model.name, "work": f"{texts}x{length}, dropout "
                 f"{dropout}", "threads": threads, "precision": "fp32"},
                common.race((graft, *peers),
                            models.shape_work(texts, length), settings),
                flops=3 * model.forward_flops(texts, length),
                peak=settings.peak(threads),
                targets={"best": TARGETS[model.name, dropout]}
                if threads == 2 and not settings.smoke else None))
            print(common.describe(rows[-1]), flush=True)
    return rows
