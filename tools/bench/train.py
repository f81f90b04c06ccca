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
    graft = sides.Graft(program, threads, settings.work, "accumulate,update")
    peers = sides.start_peers(
        sides.TRAINING, ["--model", model.folder, "--dropout", dropout],
        threads, settings.work, not_run)
    rows = []
    for texts, length in shapes:
        work = models.shape_work(texts, length)
        samples = common.alternate(
            {side.name: common.sampler(side, work, settings.seconds)
             for side in (graft, *peers)}, settings.pairs)
        rows.append(common.make_row(
            {"model": model.name, "work": f"{texts}x{length}, dropout "
             f"{dropout}", "threads": threads, "precision": "fp32"}, samples,
            flops=3 * model.forward_flops(texts, length),
            peak=settings.peak(threads),
            targets={"best": TARGETS[model.name, dropout]}
            if threads == 2 and not settings.smoke else None))
        print(common.describe(rows[-1]), flush=True)
    for side in (graft, *peers):
        side.close()
    for peer in peers:
        versions.update(peer.versions)
    return rows
