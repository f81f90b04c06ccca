# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Answers to batches of texts of one length."""

import common
import models
import sides

SHAPES = ((1, 16), (1, 128), (8, 128), (32, 128))


def run(settings, not_run, versions):
    shapes = ((1, 16), (2, 16)) if settings.smoke else SHAPES
    names = ["tiny"] if settings.smoke else ["minilm-l6", "bert-base"]
    rows = []
    for name in names[:1] if settings.quick else names:
        model = models.Model(name, settings)
        for precision in settings.precisions:
            program = model.program(max(b * n for b, n in shapes),
                                    max(b for b, _ in shapes),
                                    precision=precision)
            for threads in settings.threads:
                rows += race(settings, model, program, precision, threads,
                             shapes, not_run, versions)
    summaries = [common.geometric_mean(
        [row for row in rows if (row["model"], row["threads"],
                                 row["precision"]) == key],
        {"model": key[0], "threads": key[1], "precision": key[2]},
        target=1.0 if key[1] == 2 else None)
        for key in dict.fromkeys((row["model"], row["threads"],
                                  row["precision"]) for row in rows)]
    return rows, summaries


def race(settings, model, program, precision, threads, shapes, not_run,
         versions):
    # Compiling takes minutes on a small machine, and a tiny model is no race.
    skip = ("pytorch_compiled",) if settings.smoke else ()
    rows = []
    with sides.started(program, sides.ANSWERING,
                       ["--model", model.folder, "--precision", precision],
                       threads, settings, not_run, versions,
                       skip=skip) as (graft, peers):
        for texts, length in shapes:
            work = models.shape_work(texts, length)
            differences = sides.agreeing(graft, peers, work, not_run,
                                         precision)
            peers = list(differences)
            # Targets are for the whole machine.
            targets = {"best": 1.1 if (texts, length) == (1, 16) else 0.93}
            rows.append(common.make_row(
                {"model": model.name, "work": f"{texts}x{length}",
                 "threads": threads, "precision": precision},
                common.race((graft, *peers), work, settings),
                flops=model.forward_flops(texts, length),
                peak=settings.peak(threads, precision),
                targets=targets if threads == 2 else None,
                differences={peer.name: value
                             for peer, value in differences.items()}))
            print(common.describe(rows[-1]), flush=True)
    return rows
