# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""A format of lit tests each of which has one processor.

Programs take a thread for each processor that they may use, and threads that wait for
each other spin: with as many tests at once as there are processors, small models took up
to four times the processor time.
"""

import multiprocessing
import os

import lit.formats

PROCESSORS = sorted(os.sched_getaffinity(0))


class OneProcessor(lit.formats.ShTest):
    def execute(self, test, lit_config):
        # The number of the worker, from 1 on; none where there is one alone.
        identity = multiprocessing.current_process()._identity
        if identity:
            os.sched_setaffinity(0, {PROCESSORS[identity[0] % len(PROCESSORS)]})
        return super().execute(test, lit_config)
