# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Tables of rows with tasks, and the batches that a run of tasks.mlir had.

    tasks.py write FILE TASKS       row i has the number 2^i and the task that the
                                    character i of TASKS names
    tasks.py check RUN SIZE TASKS   reads the batches of SIZE rows from the losses of
                                    RUN/metrics.jsonl, whose two streams had the table
                                    of TASKS, or with TASKS,TASKS a table each

Prints the task of each step and the rows of both batches. An error unless both are of
one task, tasks come in rounds, each once, and batches of one table have no row twice.
The numbers of rows must be powers of two, by which losses are divided exactly.
"""

import json
import math
import pathlib
import sys

SCALE = 4096  # of the loss of the second stream


def write(path, tasks):
    rows = [f"{2**i}\t{task}" for i, task in enumerate(tasks)]
    pathlib.Path(path).write_text("\n".join(["x\ttask", *rows]) + "\n",
                                  encoding="utf-8")


def rows_of(total):
    return [i for i in range(24) if total >> i & 1]


def decode(loss, sizes):
    """The rows of both batches, whose numbers are among `sizes`."""
    found = []
    for first in sizes:
        for second in sizes:
            # loss = a / first + SCALE b / second
            whole = loss * first * second
            for b in range(SCALE):
                a = whole - SCALE * b * first
                if a < 0:
                    break
                a, rest = divmod(a, second)
                if rest or a >= SCALE:
                    continue
                pair = rows_of(int(a)), rows_of(b)
                if (len(pair[0]), len(pair[1])) == (first, second):
                    found.append(pair)
    return found


def demand(holds, text):
    if not holds:
        sys.exit(f"expects {text}")


def check(run, size, tables):
    tables = tables.split(",")
    one = len(tables) == 1
    tables = tables * 2 if one else tables
    parts = 2 if one else 1

    def taken(tasks, task):
        return min(size, tasks.count(task) // parts)

    sizes = sorted({taken(tasks, task) for tasks in tables for task in tasks})
    demand(all(math.log2(count).is_integer() for count in sizes),
           f"powers of two, got {sizes}")
    lines = (pathlib.Path(run) / "metrics.jsonl").read_text().splitlines()
    order = ""
    for step, line in enumerate(lines, 1):
        loss = json.loads(line)["loss"]
        pairs = [pair for pair in decode(loss, sizes) if all(
            len(batch) == taken(tasks, tasks[batch[0]])
            for batch, tasks in zip(pair, tables))]
        demand(len(pairs) == 1, f"one reading of step {step}, got {pairs}")
        rows = pairs[0]
        found = {tasks[row] for batch, tasks in zip(rows, tables) for row in batch}
        demand(len(found) == 1, f"one task in step {step}, got {rows}")
        demand(not one or not set(rows[0]) & set(rows[1]),
               f"other rows of the table in step {step}, got {rows}")
        order += found.pop()
        print(step, order[-1], *rows)
    count = len(set(tables[0]))
    for i in range(0, len(order), count):
        part = order[i:i + count]
        demand(len(set(part)) == len(part), f"each task once a round, got {order}")
    print("tasks", order)


def main():
    if sys.argv[1] == "write":
        write(*sys.argv[2:])
    else:
        check(sys.argv[2], int(sys.argv[3]), sys.argv[4])


if __name__ == "__main__":
    main()
