// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TOOLS_GRAFT_COMPILE_TOKENIZERS_H_
#define GRAFT_TOOLS_GRAFT_COMPILE_TOKENIZERS_H_

#include "absl/status/status.h"
#include "tools/graft-compile/input.h"

namespace graft {

// Reads the tokenizers of all models with a checkpoint, and keeps that of the
// predicted one in `input`. INVALID_ARGUMENT unless all give the same ids for
// every text, and each model has word embeddings for them; else errors of
// LoadTokenizer.
absl::Status ReadTokenizers(CompilerInput& input);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_COMPILE_TOKENIZERS_H_
