// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "test/runtime/host/training_program.h"

#include <algorithm>
#include <numbers>

#include "absl/strings/strip.h"

namespace graft::host_program {
namespace {

constexpr double kMostExamples = 1e9;
constexpr double kMostSteps = 1e15;
constexpr double kFirstScale = 65536;
constexpr double kLargestScale = 16777216;
constexpr double kSmallestScale = 1.0 / 16384;

// The register that an input takes its value from; null for none.
const char* RegisterOf(const std::string& input) {
  static constexpr std::pair<const char*, const char*> kRegisters[] = {
      {"total", "examples"}, {"labelled", "labelled"}, {"rate", "rate"},
      {"step", "update"},    {"scale", "scale"},       {"unscale", "unscale"}};
  for (const auto& [name, reg] : kRegisters)
    if (input == name) return reg;
  return nullptr;
}

bool TakesInput(const ArtifactSpec& spec, const std::string& name) {
  return std::any_of(
      spec.entries.begin(), spec.entries.end(), [&](const EntrySpec& entry) {
        return std::any_of(
            entry.inputs.begin(), entry.inputs.end(),
            [&](const ValueSpec& input) { return input.name == name; });
      });
}

void AddRegisters(const TrainingProgram& program, ArtifactSpec& spec) {
  const auto parameter = [&](const std::string& name, double initial,
                             double least, double most) {
    AddRegister(name, RegisterKind::parameter, initial, least, most, spec);
  };
  const auto option = [&](const std::string& name, double initial,
                          double least) {
    AddRegister(name, RegisterKind::option, initial, least, kMostSteps, spec);
  };
  parameter("peak", program.peak, 0, 1e30);
  parameter("warmup", program.warmup, 0, 1);
  parameter("epochs", program.epochs, 1, 1e6);
  parameter("batch_size", program.batch_size, 1, kMostExamples);
  if (program.scales_loss)
    parameter("loss_scale", kFirstScale, kSmallestScale, kLargestScale);
  option("max_steps", 0, 0);
  option("evaluate_every", 0, 0);
  option("patience", 0, 0);
  option("log_every", 10, 1);
  option("checkpoint_every", 0, 0);
}

// Where the run ends; max_steps may differ after it was resumed.
Body SetLastStep() {
  return Set("last_step",
             Select("max_steps"_r > 0, Min("total_steps"_r, "max_steps"_r),
                    "total_steps"_r));
}

// What is known before the micro-batches of a step.
Body BeginStep(const TrainingProgram& program, const ArtifactSpec& spec) {
  return {Set("total_steps", "epochs"_r * Ceil(Rows("train") / "batch_size"_r)),
          Set("warmup_steps", Round("warmup"_r * "total_steps"_r)),
          SetLastStep(),
          Set("examples", Sum("train")),
          TakesInput(spec, "labelled")
              ? Set("labelled", Max(SumWhere("train", "", "labels", -100), 1))
              : Body(),
          Set("rate", Rate(program.schedule)),
          Set("update",
              program.scales_loss ? "step"_r + 1 - "skipped"_r : "step"_r + 1),
          program.scales_loss ? Set("unscale", 1 / "scale"_r) : Body(),
          Set("loss", 0)};
}

Body Update() {
  return {When(!Finite("loss"_r),
               {Set("step", "step"_r + 1),
                Fail("expects a finite loss", {"step", {"got", "loss"}})}),
          CallAt("update", "step"_r), Set("loss_sum", "loss_sum"_r + "loss"_r)};
}

Body LogStep(const TrainingProgram& program) {
  std::vector<Named> shown = {"step", "loss", {"learning_rate", "rate"}};
  if (program.scales_loss) {
    shown.emplace_back("loss_scale", "scale");
    shown.emplace_back("skipped_steps", "skipped");
  }
  return When("step"_r % "log_every"_r == 0 || "step"_r == "last_step"_r,
              {LogLine("", std::move(shown))});
}

Body EvaluateDev() {
  const Expr due =
      Present("dev") && "evaluate_every"_r > 0 &&
      ("step"_r % "evaluate_every"_r == 0 || "step"_r == "last_step"_r);
  return When(
      due,
      {Evaluate("evaluate", "dev",
                {{"loss", "dev_loss"}, {"score", "dev_score"}}),
       When("best_step"_r == 0 || "dev_score"_r > "best_score"_r,
            {Set("best_score", "dev_score"_r), Set("best_step", "step"_r),
             Set("stale", 0), Keep("best")},
            {Set("stale", "stale"_r + 1)}),
       LogLine("dev", {"step", {"loss", "dev_loss"}, {"score", "dev_score"}}),
       Set("stopped_early", "patience"_r > 0 && "stale"_r >= "patience"_r)});
}

Body EndStep() {
  return {Mark("checkpoint_every"_r > 0 && "step"_r % "checkpoint_every"_r == 0,
               {"step", "last_step", "loss", "rate", "loss_sum", "best_step",
                "best_score", "stopped_early"}),
          SetLastStep(),
          When("step"_r >= "last_step"_r || "stopped_early"_r, {Leave()})};
}

}  // namespace

// Bit for bit: the operations, and their order, decide the last digit.
Expr Rate(Schedule schedule) {
  const Expr rise = "peak"_r * "step"_r / "warmup_steps"_r;
  const Expr left = Max(0, ("total_steps"_r - "step"_r) /
                               Max(1, "total_steps"_r - "warmup_steps"_r));
  Expr fall = "peak"_r;
  if (schedule == Schedule::kLinear) fall = "peak"_r * left;
  if (schedule == Schedule::kCosine)
    fall = "peak"_r * 0.5 * (1 + Cos(std::numbers::pi * (1 - left)));
  return Select("step"_r < "warmup_steps"_r, rise, fall);
}

Body UpdateWhereFinite(const Body& update, double growth) {
  const Body grow =
      When("scale_steps"_r >= growth && "scale"_r * 2 <= kLargestScale,
           {Set("scale", "scale"_r * 2), Set("scale_steps", 0)});
  const Body fail = When(
      "scale"_r / 2 < kSmallestScale,
      {Set("step", "step"_r + 1),
       Fail("expects a finite loss and gradients", {"step", {"got", "loss"}})});
  return {TestFinite("gradient", "finite"),
          When(Finite("loss"_r), {Set("loss_sum", "loss_sum"_r + "loss"_r)}),
          When(Finite("loss"_r) && "finite"_r,
               {update, Set("scale_steps", "scale_steps"_r + 1), grow},
               {Set("skipped", "skipped"_r + 1), Set("scale_steps", 0), fail,
                Set("scale", "scale"_r / 2), Reset("gradient")})};
}

void AddStreams(ArtifactSpec& spec) {
  spec.streams = {{"train", 0, 1}, {"dev", 0, 1}};
}

void BindInputs(ArtifactSpec& spec) {
  for (EntrySpec& entry : spec.entries) {
    for (ValueSpec& input : entry.inputs) {
      absl::string_view cache = input.name;
      if (const char* reg = RegisterOf(input.name)) {
        input.source = SourceKind::scalar;
        input.source_index = RegisterIndex(reg, spec);
      } else if (absl::ConsumePrefix(&cache, "cached.")) {
        input.source = SourceKind::cache;
        for (size_t i = 0; i < spec.caches.size(); ++i)
          if (spec.caches[i].name == cache)
            input.source_index = static_cast<uint32_t>(i);
      } else {
        input.source = SourceKind::stream;
        input.source_index = 0;
        input.field = input.name;
      }
    }
  }
}

void AddTrainingProgram(const TrainingProgram& program, ArtifactSpec& spec) {
  if (spec.streams.empty()) AddStreams(spec);
  BindInputs(spec);
  AddRegisters(program, spec);
  Body code;
  for (const CacheSpec& cache : spec.caches)
    code = {code, FillCache(cache.name)};
  if (program.scales_loss) code = {code, Set("scale", "loss_scale"_r)};
  const Body step = {
      BeginStep(program, spec),
      ForEachMicroBatch(
          "train", {CallAt("accumulate", "step"_r, {{"loss", "loss", kAdd}})}),
      program.scales_loss
          ? UpdateWhereFinite(CallAt("update", "step"_r), program.scale_growth)
          : Update(),
      Set("step", "step"_r + 1),
      LogStep(program),
      program.evaluates ? EvaluateDev() : Body(),
      EndStep()};
  code = {code, Repeat("epoch", "epochs"_r,
                       {ForEachBatch("train", "batch_size"_r, step)})};
  if (program.evaluates)
    code = {code, When("best_step"_r > 0 && "best_step"_r != "step"_r,
                       {Restore("best")})};
  AddProgram("train", code, spec);
}

}  // namespace graft::host_program
