# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Seconds until something happens, of whole processes: compiling the program
of a training, and answering one text."""

import shutil
import time

import common
import memory
import models
import sides


def run(settings, not_run, versions):
    model = models.Model("tiny" if settings.smoke else "minilm-l6", settings)
    program = model.program(768, 32)
    threads = max(settings.threads)
    what = {"model": model.name, "threads": threads, "precision": "fp32"}
    cache = settings.work / "cache"

    def compiling(folder):
        return lambda: seconds_of(
            common.ROOT / "build/bin/graft-compile", model.folder,
            "--max-tokens", 768, "--max-sequences", 32, "--cache", folder,
            *settings.targets,
            "-o", settings.work / "compiled.graft")

    shutil.rmtree(cache, ignore_errors=True)
    compiling(cache)()
    rows = []
    for name, folder in (("from nothing", ""), ("from the cache", cache)):
        rows.append(common.make_row(
            {**what, "work": f"compile training, {name}"},
            common.alternate({"graft": compiling(folder)}, settings.pairs)))
        print(common.describe(rows[-1]), flush=True)

    def answering(name):
        kind, _ = memory.FIRST[name]
        environment = sides.peer_environment(threads, settings.work)
        return lambda: seconds_of(
            sides.peers_python(), common.ROOT / "tools/bench/peer.py", kind,
            "--threads", threads, "--model", model.folder, "--text",
            memory.TEXT, env=environment)

    samplers = {"graft": lambda: seconds_of(
        common.ROOT / "build/bin/graft", "predict", program, "--text",
        memory.TEXT, "--threads", threads)}
    samplers.update({name: answering(name)
                     for name in memory.held_first(settings, not_run)})
    rows.append(common.make_row(
        {**what, "work": "start, load and answer a text"},
        common.alternate(samplers, settings.pairs)))
    print(common.describe(rows[-1]), flush=True)
    return rows, []


def seconds_of(*command, **options):
    start = time.perf_counter()
    common.run(*command, **options)
    return time.perf_counter() - start
