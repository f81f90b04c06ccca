# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Graft and its peers, each in a process of its own that stays and runs what
it is asked for, so that taking turns costs nothing and nobody's memory is in
another's way."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys

import common
from common import accept

# Set for an old library's sake on some machines; they halve a peer's speed.
UNSET_FOR_PEERS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
# Results of products are allocated anew each time; this keeps their pages.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "4294967296",
               "MALLOC_TRIM_THRESHOLD_": "4294967296"}
# Kinds that have no column as installed.
ONLY_TUNED = ("torch-compile", "torch-training-compile", "products-mkl")
# What answers, by the name of its column: kind of peer.py, tuned.
ANSWERING = {"pytorch": ("torch", False), "pytorch_tuned": ("torch", True),
             "pytorch_compiled": ("torch-compile", True),
             "onnxruntime": ("onnxruntime", False),
             "openvino": ("openvino", False)}
TRAINING = {"pytorch": ("torch-training", False),
            "pytorch_tuned": ("torch-training", True),
            "pytorch_compiled": ("torch-training-compile", True)}


# What holds a level's programs and peers to its instructions: a processor with
# more runs nothing else then. oneDNN and MKL are in PyTorch.
HOLDING = {
    "avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2", "MKL_ENABLE_INSTRUCTIONS": "AVX2",
             "ATEN_CPU_CAPABILITY": "avx2"},
    "avx512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE",
               "MKL_ENABLE_INSTRUCTIONS": "AVX512",
               "ATEN_CPU_CAPABILITY": "avx512"},
    "avx512_bf16": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16",
                    "MKL_ENABLE_INSTRUCTIONS": "AVX512",
                    "ATEN_CPU_CAPABILITY": "avx512"},
}
# These take the best of the processor, and have no switch against it.
CANNOT_BE_HELD = ("onnxruntime", "openvino")


def hold(level):
    """Holds the processes that are started from now on to a level that the
    processor is more than."""
    os.environ.update(HOLDING[level], GRAFT_CPU_LEVEL=level)


def check_held(kind, level):
    """Unavailable if this peer uses more than the level has."""
    if level and kind in CANNOT_BE_HELD:
        raise common.Unavailable(f"it cannot be held to {level}")


@dataclasses.dataclass(frozen=True)
class Work:
    """Batches of texts, that is of lists of token ids."""
    name: str  # unique in a run
    batches: list
    width: int = 0  # peers pad to it; 0: to the longest of a batch
    classes: int = 26

    @property
    def tokens(self):
        return sum(len(text) for batch in self.batches for text in batch)

    @property
    def padded_tokens(self):
        return sum(len(batch) * (self.width or max(map(len, batch)))
                   for batch in self.batches)

    def labels(self, batch):
        return [sum(text) % self.classes for text in batch]

    def write_for_peers(self, folder):
        path = folder / f"{self.name}.json"
        path.write_text(json.dumps([
            {"ids": batch, "labels": self.labels(batch), "width": self.width}
            for batch in self.batches]))
        return path

    def write_for_graft(self, folder):
        paths = []
        for number, batch in enumerate(self.batches):
            offsets = [0]
            for text in batch:
                offsets.append(offsets[-1] + len(text))
            ids = [token for text in batch for token in text]
            paths.append(folder / f"{self.name}-{number}.safetensors")
            write_safetensors(paths[-1], {
                "ids": ("I32", [len(ids)], ids),
                "types": ("I32", [len(ids)], [0] * len(ids)),
                "segments.offsets": ("I32", [len(offsets)], offsets),
                "labels": ("I32", [len(batch)], self.labels(batch)),
                "total": ("F32", [], [len(batch)]),
                "labelled": ("F32", [], [len(batch)]),
                "rate": ("F32", [], [5e-5]), "step": ("I32", [], [1])})
        return paths


def write_safetensors(path, tensors):
    """Writes {name: (type, shape, values)}, of I32 and F32."""
    header, body = {}, b""
    for name, (kind, shape, values) in tensors.items():
        data = struct.pack(f"<{len(values)}{'i' if kind == 'I32' else 'f'}",
                           *values)
        header[name] = {"dtype": kind, "shape": shape,
                        "data_offsets": [len(body), len(body) + len(data)]}
        body += data
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)


def read_safetensors(path, name):
    """The values of one F32 tensor of two dimensions, as lists."""
    data = path.read_bytes()
    size, = struct.unpack("<Q", data[:8])
    entry = json.loads(data[8:8 + size])[name]
    begin, end = (8 + size + place for place in entry["data_offsets"])
    values = struct.unpack(f"<{(end - begin) // 4}f", data[begin:end])
    columns = entry["shape"][1]
    return [list(values[i:i + columns])
            for i in range(0, len(values), columns)]


class NothingToTune(common.Unavailable):
    """The peer is at its best as it is installed."""


class Side:
    """A process that answers lines of JSON; Unavailable when it cannot."""

    def __init__(self, name, command, folder, environment=None):
        self.name, self.folder = name, folder
        self.written = {}
        self.log = folder / f"{name}.log"
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [str(word) for word in command], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1,
                env=environment)

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise common.Unavailable(self.last_error())
        return json.loads(line)

    def last_error(self):
        """The last line of its log that names an exception, or the last."""
        lines = self.log.read_text().strip().splitlines()
        errors = [line for line in lines
                  if re.match(r"[\w.]*(Error|Exception)\b", line)]
        text = (errors or lines or [""])[-1][:200]
        return f"exit code {self.process.returncode}: {text}"

    def ask(self, request):
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # receive says why
        return self.receive()

    def memory(self, field):
        """Bytes of the process by a name of /proc/PID/status."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        line, = (line for line in status.splitlines()
                 if line.startswith(field + ":"))
        return 1024 * int(line.split()[1])

    def close(self):
        # One that died may not have read its last request.
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


class Graft(Side):
    def __init__(self, program, threads, folder, entries="predict"):
        super().__init__("graft", [
            common.ROOT / "build/bin/graft-run", program, "--entry", entries,
            "--threads", threads, "--requests"], folder)

    def run(self, work, runs, outputs=None):
        if work.name not in self.written:
            self.written[work.name] = [
                str(path) for path in work.write_for_graft(self.folder)]
        request = {"inputs": self.written[work.name], "runs": runs}
        if outputs:
            request["outputs"] = str(outputs)
        return self.ask(request)["seconds"]

    def logits(self, work):
        path = self.folder / "logits.safetensors"
        self.run(work, 1, path)
        return read_safetensors(path, "logits")


class Peer(Side):
    def __init__(self, name, kind, arguments, threads, folder, preload=None):
        super().__init__(name, [
            peers_python(), common.ROOT / "tools/bench/peer.py", kind,
            "--threads", threads, *arguments], folder,
            {**peer_environment(threads, folder, preload),
             **(KEEP_MEMORY if kind.startswith("products-") else {})})
        self.versions = self.receive()["versions"]

    def run(self, work, runs):
        return self.request(work, runs)["seconds"]

    def logits(self, work):
        return self.request(work, 1, outputs=True)["outputs"]

    def request(self, work, runs, **more):
        if work.name not in self.written:
            self.written[work.name] = str(work.write_for_peers(self.folder))
        return self.ask({"batches": self.written[work.name], "runs": runs,
                         **more})


def peers_python():
    return accept.setting("GRAFT_PEERS_PYTHON")


def peer_environment(threads, folder, preload=None):
    environment = {name: value for name, value in os.environ.items()
                   if name not in UNSET_FOR_PEERS}
    environment["OMP_NUM_THREADS"] = str(threads)
    environment["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "inductor")
    if preload:
        environment["LD_PRELOAD"] = str(preload)
    return environment


def tuning_library(folder):
    """What makes MKL take its best code, where that is not so by itself."""
    if "GenuineIntel" in pathlib.Path("/proc/cpuinfo").read_text():
        raise NothingToTune("nothing to tune: the processor is Intel's")
    has_mkl = common.run(peers_python(), "-c", "import torch; "
                         "print(torch.backends.mkl.is_available())")
    if has_mkl.strip() != "True":
        raise NothingToTune("nothing to tune: this PyTorch has no MKL")
    library = folder / "libmkl_as_intel.so"
    common.run("clang-22", "-shared", "-fPIC", "-O2",
               common.ROOT / "tools/bench/mkl_as_intel.c", "-o", library)
    return library


def start_peer(name, kind, tuned, arguments, threads, settings):
    folder = settings.work
    check_held(kind, settings.level)
    if kind.endswith("-compile") and not shutil.which("g++"):
        raise common.Unavailable("no g++, which torch.compile needs")
    preload = None
    if tuned:
        try:
            preload = tuning_library(folder)
        except NothingToTune:
            # Another column has the same as installed.
            if kind not in ONLY_TUNED:
                raise
    return Peer(name, kind, arguments, threads, folder, preload)


@contextlib.contextmanager
def started(program, columns, arguments, threads, settings, not_run, versions,
            *, entries="predict", skip=()):
    """Graft, and a list of the peers of `columns` that can run; they end, and
    `versions` has theirs, when the context does."""
    graft = Graft(program, threads, settings.work, entries)
    peers = start_peers(columns, arguments, threads, settings, not_run, skip)
    try:
        yield graft, peers
    finally:
        for side in (graft, *peers):
            side.close()
        for peer in peers:
            versions.update(peer.versions)


def start_peers(columns, arguments, threads, settings, not_run, skip=()):
    """Starts each of the columns but those in `skip`; what cannot run is
    told in `not_run`, once."""
    peers = []
    for name, (kind, tuned) in columns.items():
        if name in skip:
            continue
        try:
            peers.append(start_peer(name, kind, tuned, arguments, threads,
                                    settings))
        except common.Unavailable as reason:
            note(not_run, name, reason)
    return peers


def note(not_run, what, why):
    entry = {"what": what, "why": str(why)}
    if entry not in not_run:
        not_run.append(entry)
        print(f"{what}: not run: {why}", file=sys.stderr)


# How far logits may be apart. In bf16 each rounds at other places.
BOUNDS = {"fp32": 1e-3, "bf16": 0.1}


def agreeing(graft, peers, work, not_run, precision="fp32"):
    """The peers that answer, each with its largest difference from Graft."""
    differences = {}
    for peer in peers:
        try:
            differences[peer] = difference(graft, peer, work,
                                           BOUNDS[precision])
        except common.Unavailable as reason:
            note(not_run, peer.name, reason)
    return differences


def difference(graft, peer, work, bound):
    """The largest difference of any logit; ends the run if that is more than
    `bound`, as then the two do not the same work."""
    ours, theirs = graft.logits(work), peer.logits(work)
    if [len(row) for row in ours] != [len(row) for row in theirs]:
        sys.exit(f"bench: {work.name}: {peer.name} answers in another shape")
    largest = max(abs(a - b) for row, other in zip(ours, theirs)
                  for a, b in zip(row, other))
    if not largest <= bound:
        sys.exit(f"bench: {work.name}: expects logits of {peer.name} within "
                 f"{bound} of Graft's, got a difference of {largest}")
    return largest
