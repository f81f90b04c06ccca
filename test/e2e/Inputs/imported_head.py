#!/usr/bin/env python3
# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""Writes the page multitask.mlir with the head of an imported model in the
place of @first_head.

    imported_head.py multitask.mlir
"""

import re
import sys

text = open(sys.argv[1]).read()
text = re.sub(r"graft\.model @first_head \{.*?\n\}\n", "", text,
              flags=re.DOTALL)
text = re.sub(r".*transfer\.group @first_top.*\n", "", text)
text = text.replace("@first_top, ", "")
text = text.replace(
    "transfer.call @first_head::@logits(%x) : (tensor<?x?xf32, #SH>)",
    "transfer.call @model::@classify(%x, %text) : "
    "(tensor<?x?xf32, #SH>, !transfer.text)")
print(text)
