#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Instructions that the inner loops of kernels spend on their work, at each
level, without running them.

    kernel_work.py WORK FIGURES [--rewrite]
    kernel_work.py --wrong FIGURES OUTPUT

Compiles a training program of one layer below WORK and disassembles its
kernels. A kernel's figure is of its innermost loops with multiply-adds: their
instructions, and how many of these are multiply-adds (fused ones, dot products,
products of tile registers). For a kernel without any, vector stores count.
FIGURES has a line for each level, precision and kernel. Ends with 1 if one takes
more than TOLERANCE times as much as there, or is not there; --rewrite puts in
what is found. --wrong writes figures as if one kernel had taken half, and one
did not exist.
"""

import pathlib
import re
import struct
import subprocess
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parents[3] / "tools"
                    / "bench"))
import checkpoints  # noqa: E402, which is beside the benchmarks

TOLERANCE = 1.05
SIZES = {"vocab_size": 200, "hidden_size": 384, "num_hidden_layers": 1,
         "num_attention_heads": 12, "intermediate_size": 1536,
         "max_position_embeddings": 128}
PROGRAMS = {"fp32": ("avx2", "avx512"), "bf16": ("avx512_bf16", "amx_bf16")}
MULTIPLY = re.compile(r"vfn?m(add|sub)\w*[ps]s|vdpbf16ps|tdpbf16ps")
STORE = re.compile(r"v?mov\w+\s+%[xyz]mm\d+, ?[^%]*\(")


def code_of(path, folder):
    """The shared objects in an artifact, as files in the order of --targets."""
    data = path.read_bytes()
    found, at = [], data.find(b"\x7fELF\x02\x01")
    while at >= 0:
        sections, = struct.unpack_from("<Q", data, at + 0x28)
        size, count = struct.unpack_from("<HH", data, at + 0x3a)
        found.append(folder / f"{path.stem}-{len(found)}.so")
        found[-1].write_bytes(data[at:at + sections + size * count])
        at = data.find(b"\x7fELF\x02\x01", at + 4)
    return found


def kernels(library):
    """(name without its number, [(address, instruction)])."""
    text = subprocess.run(
        ["llvm-objdump", "-d", "--no-show-raw-insn", str(library)],
        capture_output=True, text=True, check=True).stdout
    name, body = None, []
    for line in text.splitlines():
        if start := re.match(r"[0-9a-f]+ <(.+)>:$", line):
            if name:
                yield name, body
            name, body = re.sub(r"[.][0-9]+$", "", start[1]), []
        elif step := re.match(r"\s*([0-9a-f]+):\s+(.*)", line):
            body.append((int(step[1], 16), step[2].replace("\t", " ")))
    if name:
        yield name, body


def inner_loops(body):
    """Instructions of each loop without a jump but the one back."""
    places = {address: i for i, (address, _) in enumerate(body)}
    for i, (address, text) in enumerate(body):
        jump = re.match(r"j\w+ (?:0x)?([0-9a-f]+)", text)
        if not jump or int(jump[1], 16) > address:
            continue
        start = places.get(int(jump[1], 16))
        loop = body[start:i + 1]
        if not any(re.match("j", step) for _, step in loop[:-1]):
            yield [step for _, step in loop]


def figure(body):
    """(instructions, unit, units) of the innermost loops that count, or None."""
    loops = list(inner_loops(body))
    for unit, pattern in (("multiply-adds", MULTIPLY), ("stores", STORE)):
        counted = [(sum(bool(pattern.match(step)) for step in loop), len(loop))
                   for loop in loops]
        units = sum(count for count, _ in counted)
        if units:
            return (sum(length for count, length in counted if count), unit,
                    units)
    return None


def measure(work):
    """{(level, precision, kernel): figure}, of kernels of one name the worst."""
    model = checkpoints.write(work / "model", SIZES)
    found = {}
    for precision, levels in PROGRAMS.items():
        program = work / f"{precision}.graft"
        subprocess.run(
            ["graft-compile", str(model), "--classes", "26", "--max-tokens",
             "2048", "--precision", precision, "--targets", ",".join(levels),
             "-o", str(program)], check=True, capture_output=True)
        for level, library in zip(levels, code_of(program, work)):
            for name, body in kernels(library):
                key, value = (level, precision, name), figure(body)
                if value and (key not in found or
                              cost(value) > cost(found[key])):
                    found[key] = value
    return found


def cost(value):
    return value[0] / value[2]


def read(path):
    figures = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            level, precision, kernel, instructions, _, units, unit = line.split()
            figures[level, precision, kernel] = (int(instructions), unit,
                                                 int(units))
    return figures


def write(path, figures):
    lines = [line for line in path.read_text().splitlines()
             if line.startswith("#")]
    for (level, precision, kernel), (instructions, unit, units) in sorted(
            figures.items()):
        lines.append(f"{level} {precision} {kernel} {instructions} / {units} "
                     f"{unit}")
    path.write_text("\n".join(lines) + "\n")


def compare(wanted, found):
    """What is wrong, line by line."""
    for key in sorted(wanted.keys() | found.keys()):
        name = " ".join(key)
        if key not in found:
            yield f"{name}: is not there any more"
        elif key not in wanted:
            yield f"{name}: has no figure yet"
        elif wanted[key][1] != found[key][1]:
            yield f"{name}: expects {wanted[key][1]}, got {found[key][1]}"
        elif cost(found[key]) > TOLERANCE * cost(wanted[key]):
            yield (f"{name}: expects {cost(wanted[key]):.2f} instructions for "
                   f"each of its {wanted[key][1]}, got {cost(found[key]):.2f}")


def halve(figures):
    """As --wrong."""
    instructions, unit, units = figures["avx2", "fp32", "linear"]
    figures["avx2", "fp32", "linear"] = instructions // 2, unit, units
    del figures["avx2", "fp32", "adamw_reset"]


def main():
    if sys.argv[1] == "--wrong":
        figures = read(pathlib.Path(sys.argv[2]))
        halve(figures)
        pathlib.Path(sys.argv[3]).touch()
        write(pathlib.Path(sys.argv[3]), figures)
        return
    work, path = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    found = measure(work)
    if sys.argv[3:] == ["--rewrite"]:
        write(path, found)
        return
    problems = list(compare(read(path), found))
    print("\n".join([*problems, f"{len(found)} kernels, {len(problems)} with "
                     "more work"]))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
