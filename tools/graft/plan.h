// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What a program costs, read off its artifact without running it.

#ifndef GRAFT_TOOLS_GRAFT_PLAN_H_
#define GRAFT_TOOLS_GRAFT_PLAN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "runtime/artifact/artifact.h"
#include "runtime/data/columns.h"

namespace graft {

struct ProgramCost {
  uint64_t parameters = 0;  // numbers
  uint64_t trainable = 0;   // of them, by gradients

  // Floating-point operations per token of a sequence of `length` tokens: the
  // cost model's count of GEMMs and attention, two per multiply-add, summed
  // over the commands of the program; elementwise work is not counted. GEMMs
  // that run once per sequence (a pooler, a classifier) are shared by its
  // tokens. Training is each call that the host program makes in a step in
  // which each phase has its turn, of one sequence of each stream, shared by
  // the tokens of all, with what a memory budget computes again; caches,
  // evaluations and rewards are not counted. A program without texts has its
  // operations per example, and no length.
  double length = 0;
  double forward_flops = 0;
  std::vector<double> training_flops;  // of each stage; forward included

  // Bytes while training at the capacity of the program, as Instance reserves
  // them; the arena is the largest of all entries, and so are the inputs, with
  // the outputs and the batches that are read ahead beside them. Frozen
  // parameters are not in the total: they are pages of the artifact, shared by
  // all processes and dropped under pressure.
  uint64_t parameter_bytes = 0;
  uint64_t gradient_bytes = 0;
  uint64_t moment_bytes = 0;
  uint64_t arena_bytes = 0;
  uint64_t input_bytes = 0;
  uint64_t mapped_bytes = 0;
  // What smaller arenas cost, where the program says so, the largest first.
  std::vector<MemoryChoiceSpec> choices;
  uint64_t total_bytes() const {
    return parameter_bytes + gradient_bytes + moment_bytes + arena_bytes +
           input_bytes;
  }
};

// What a host program does in a step of one of its stages.
struct StageWork {
  // The entries that it calls, in their order: for each turn of a phase once,
  // though a batch may be split and a phase may pause in some steps.
  std::vector<size_t> entries;
  std::vector<uint32_t> streams;  // of which it draws a batch
};

// The stages in their order; none of a program that does not train.
std::vector<StageWork> StagesOf(const ArtifactSpec& spec);

// Whether examples of a stream are texts. Others may have sizes of tokens, too.
bool HasTexts(const ArtifactSpec& spec, uint32_t stream);

// The columns of a stream: "ids" and "types" of its texts, if it has any, and
// what entries take of it.
Schema ColumnsOf(const ArtifactSpec& spec, uint32_t stream);

// Whether each slot has a parameter that gradients change. Others are frozen,
// or follow what is trained, as an average does.
std::vector<bool> TrainedSlots(const ArtifactSpec& spec);

// The cost of the code for `level` ("": the first) in `artifact`, which may be
// loaded without code, for texts of `length` tokens (0: the longest).
// INVALID_ARGUMENT: there is no such level, or a length without texts.
absl::StatusOr<ProgramCost> MeasureProgram(const Artifact& artifact,
                                           const std::string& level,
                                           double length);

// For people, several lines.
std::string CostText(const ProgramCost& cost);
// The same as a JSON object.
std::string CostJson(const ProgramCost& cost);

}  // namespace graft

#endif  // GRAFT_TOOLS_GRAFT_PLAN_H_
