// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#ifndef GRAFT_TEST_RUNTIME_TRAIN_NESTED_SPEC_H_
#define GRAFT_TEST_RUNTIME_TRAIN_NESTED_SPEC_H_

#include "runtime/artifact/spec.h"
#include "runtime/host/interpreter.h"
#include "test/runtime/host/program.h"

namespace graft {

// Places in the program of NestedSpec.
inline constexpr size_t kInEpoch = 2, kInBatch = 3, kInMicroBatch = 4,
                        kBehind = 8;

// Two streams, two caches, registers of each kind, and nested loops over the
// first stream.
inline ArtifactSpec NestedSpec() {
  using namespace host_program;  // NOLINT: the language of a program
  ArtifactSpec spec;
  spec.streams = {{"train", 0, 1}, {"dev", 0, 1}};
  spec.caches = {{"said", 0, 0, 0, false, "graph"},
                 {"seen", 0, 0, 0, false, "graph"}};
  AddRegister("rate", RegisterKind::parameter, 0.5, 0, 1, spec);
  AddRegister("every", RegisterKind::option, 10, 0, 100, spec);
  AddProgram("train",
             {FillCache("said"),
              Repeat("epoch", 2,
                     {ForEachBatch("train", 4,
                                   {ForEachMicroBatch("train", {Set("a", 1)}),
                                    Set("b", 2)})}),
              Set("c", "d"_r)},
             spec);
  return spec;
}

// The state before the first instruction.
inline HostState BeginningOf(const ArtifactSpec& spec) {
  HostState state;
  for (const RegisterSpec& reg : spec.registers)
    state.registers.push_back(reg.initial);
  state.streams.resize(spec.streams.size());
  state.filled.resize(spec.caches.size());
  return state;
}

}  // namespace graft

#endif  // GRAFT_TEST_RUNTIME_TRAIN_NESTED_SPEC_H_
