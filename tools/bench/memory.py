# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Most memory that was resident at once, in a process of its own for each
sample: libraries, mapped weights and code, everything."""

import sys

import common
import models
import sides

STEPS = 3
TEXT = "a large African mammal with a trunk"
# The first answer is that of the model, whatever the kind of PyTorch.
FIRST = {name: sides.ANSWERING[name]
         for name in ("pytorch", "onnxruntime", "openvino")}


def held_first(settings, not_run):
    """Names of FIRST without those that the level leaves out."""
    names = []
    for name, (kind, _) in FIRST.items():
        try:
            sides.check_held(kind, settings.level)
            names.append(name)
        except common.Unavailable as reason:
            sides.note(not_run, name, reason)
    return names


def run(settings, not_run, versions):
    model = models.Model("tiny" if settings.smoke else "minilm-l6", settings)
    texts, length = (2, 16) if settings.smoke else (16, 128)
    program = model.program(texts * length, texts)
    threads = max(settings.threads)
    work = models.shape_work(texts, length)
    what = {"model": model.name, "threads": threads, "precision": "fp32"}

    def training():
        return peak_of(sides.Graft(program, threads, settings.work,
                                   "accumulate,update"), work, STEPS)

    def peer_training():
        peer = sides.Peer("pytorch", "torch-training",
                          ["--model", model.folder], threads, settings.work)
        versions.update(peer.versions)
        return peak_of(peer, work, STEPS)

    rows = [common.make_row(
        {**what, "work": f"training {texts}x{length}, dropout 0.1"},
        common.alternate({"graft": training, "pytorch": peer_training},
                         settings.pairs),
        unit="bytes", targets=None if settings.smoke else {"best": 2.5})]
    print(common.describe(rows[-1]), flush=True)

    def first_of(name):
        def sample():
            kind, _ = FIRST[name]
            peer = sides.Peer(name, kind, ["--model", model.folder], threads,
                              settings.work)
            versions.update(peer.versions)
            return peak_of(peer, models.shape_work(1, 16), 1)
        return sample

    samplers = {"graft": lambda: peak_of_process(
        common.ROOT / "build/bin/graft", "predict", program, "--text", TEXT,
        "--threads", threads)}
    samplers.update({name: first_of(name)
                     for name in held_first(settings, not_run)})
    rows.append(common.make_row(
        {**what, "work": "until the first answer"},
        common.alternate(samplers, settings.pairs), unit="bytes",
        weights=(model.folder / "model.safetensors").stat().st_size))
    print(common.describe(rows[-1]), flush=True)
    return rows, []


def peak_of(side, work, runs):
    side.run(work, runs)
    peak = side.memory("VmHWM")
    side.close()
    return peak


# The most that the kernel counts for a process has what the one that started it
# had, so a small one is between.
STARTER = """
import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[
    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(child, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_of_process(*command, env=None):
    """Bytes that were resident at most while the command ran."""
    return 1024 * int(common.run(sys.executable, "-I", "-S", "-c", STARTER,
                                 *command, env=env))
