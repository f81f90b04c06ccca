# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""The sizes that GEMMs in vector registers are cut into: what the compiler
chooses, and where that stands among a grid of others (docs/performance.md)."""

import contextlib
import itertools
import json
import statistics

import common
import gemm
import models
import sides

ROWS = (48, 96, 192, 384)
DEPTHS = (128, 192, 256, 384, 0)  # 0: all of k
GROUPS = (1, 4, 16, 64)
FEW = ((48, 96), (256, 0), (1, 16))
OWN = "own"  # what the compiler chooses


def run(settings, path):
    """Prints a surface for each chain, kind, number of rows and threads;
    writes a list of them to `path`, unless that is None."""
    grid = list(itertools.product(*(FEW if settings.quick or settings.smoke
                                    else (ROWS, DEPTHS, GROUPS))))
    surfaces = []
    for name, width, inner, products, counts, kinds in gemm.chains(settings):
        widths = gemm.chain(width, inner, products)
        folder = gemm.make_chain(settings, name, widths, max(counts))
        for kind in kinds:
            programs = compile_all(settings, folder, kind, widths, max(counts),
                                   grid)
            for threads, count in itertools.product(settings.threads, counts):
                surfaces.append({
                    "chain": name, "kind": kind, "rows": count,
                    "threads": threads, "level": settings.level,
                    "shares": measure(settings, programs, kind, widths, count,
                                      threads)})
                print(describe(surfaces[-1], grid), flush=True)
    if path:
        path.write_text(json.dumps(surfaces, indent=1) + "\n")


def compile_all(settings, folder, kind, widths, bound, grid):
    programs = {OWN: gemm.compile_chain(settings, folder, kind, "fp32")}
    for number, (rows, depth, group) in enumerate(grid, 1):
        name = f"{kind}-{rows}-{depth}-{group}"
        blocks = f"<rows = {rows}, depth = {depth}, group = {group}>"
        (folder / f"{name}.mlir").write_text(
            gemm.module(widths, bound, gemm.LEARNING[kind],
                        f" attributes {{exec.gemm_blocks = "
                        f"#exec.gemm_blocks{blocks}}}"))
        programs[rows, depth, group] = gemm.compile_chain(
            settings, folder, name, "fp32")
        common.show_progress(f"{folder.name} {kind}: compiled {number} of "
                             f"{len(grid)}", number == len(grid))
    return programs


def measure(settings, programs, kind, widths, count, threads):
    """Each program's share of the compute peak, as [[blocks, share], ...]."""
    work = models.shape_work(1, count, vocabulary=gemm.TABLE)

    def sample(program):
        # One process at a time: weights of all would not fit into memory.
        with contextlib.closing(sides.Graft(
                program, threads, settings.work, gemm.ENTRIES[kind])) as graft:
            return common.sampler(graft, work, settings.seconds)()

    samples = common.alternate(
        {blocks: lambda program=program: sample(program)
         for blocks, program in programs.items()}, settings.pairs)
    best = gemm.operations(kind, widths, count) / settings.peak(threads) / 1e9
    return [[blocks, best / statistics.median(times)]
            for blocks, times in samples.items()]


def describe(surface, grid):
    """The surface as lines of text."""
    shares = {blocks: share for blocks, share in surface["shares"]}
    own = shares.pop(OWN)
    best = max(shares, key=shares.get)
    better = sum(share > own for share in shares.values())
    threads = surface["threads"]
    lines = [f"{surface['chain']} {surface['kind']}, {surface['rows']} rows, "
             f"{threads} thread{'s' * (threads > 1)}: the compiler's choice "
             f"{100 * own:.1f} % of the peak, {better} of {len(shares)} "
             f"better; best {100 * shares[best]:.1f} %: " + words(best)]
    heights, depths, groups = (sorted(set(values)) for values in zip(*grid))
    lines.append("   group " + "".join(f"{depth or 'all':>8}" for depth in
                                       depths) + "   of k in a turn")
    for rows, group in itertools.product(heights, groups):
        lines.append(f"  {rows:3} rows x {group:2}" + "".join(
            f"{100 * shares[rows, depth, group]:8.1f}" for depth in depths))
    return "\n".join(lines)


def words(blocks):
    rows, depth, group = blocks
    return f"{rows} rows, {depth or 'all'} of k, groups of {group}"
