// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The host program of a training as the compiler makes it, for artifacts that
// tests write by hand.

#ifndef GRAFT_TEST_RUNTIME_HOST_TRAINING_PROGRAM_H_
#define GRAFT_TEST_RUNTIME_HOST_TRAINING_PROGRAM_H_

#include <string>

#include "runtime/artifact/spec.h"
#include "test/runtime/host/program.h"

namespace graft::host_program {

enum class Schedule { kConstant, kLinear, kCosine };

// The learning rate of registers `step`, `warmup_steps`, `total_steps` and
// `peak`: it rises over the first steps, and is then constant, or falls to 0 in
// a line or half a cosine.
Expr Rate(Schedule schedule);

// The end of a step with loss scaling, after its micro-batches: does `update`
// where the register `loss` and the states "gradient" are finite, and doubles
// `scale` after `growth` updates without a change; else leaves the step out and
// halves it, or fails at the smallest scale.
Body UpdateWhereFinite(const Body& update, double growth);

struct TrainingProgram {
  Schedule schedule = Schedule::kLinear;
  double peak = 5e-5;  // learning rate
  double warmup = 0;   // share of the steps
  double epochs = 3;
  double batch_size = 32;
  // Evaluates by the entry "evaluate" on the stream "dev".
  bool evaluates = false;
  // Scales the loss, and leaves out steps whose gradients are not finite.
  bool scales_loss = false;
  double scale_growth = 2000;  // updates until the scale rises
};

// Streams `train` and `dev`, of sizes 0 and 1.
void AddStreams(ArtifactSpec& spec);

// Says where inputs of entries come from, by their names: segments and other
// fields from the stream `train`, `cached.NAME` from a cache, `total`,
// `labelled`, `rate`, `step`, `scale` and `unscale` from registers. Entries of
// `spec.caches` come first.
void BindInputs(ArtifactSpec& spec);

// Adds the host program "train" of the entries `accumulate` and `update` with
// its registers, after AddStreams and BindInputs, which it calls where there
// are no streams. All caches are filled. Parameters are peak, warmup, epochs,
// batch_size and loss_scale; options are max_steps, evaluate_every, patience,
// log_every and checkpoint_every.
void AddTrainingProgram(const TrainingProgram& program, ArtifactSpec& spec);

}  // namespace graft::host_program

#endif  // GRAFT_TEST_RUNTIME_HOST_TRAINING_PROGRAM_H_
