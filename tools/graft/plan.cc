// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/plan.h"

#include <algorithm>
#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/binding/entry.h"
#include "runtime/data/batch_stream.h"
#include "runtime/formats/config.h"

namespace graft {
namespace {

// Parts of a layer from its input to its output, and the depths between layers.
constexpr int64_t kDepthsPerLayer = 8;
constexpr int64_t kAttention = 1;
constexpr absl::string_view kLayerParts[] = {
    "attention.self.",     "attention.output.dense.", "attention.output.",
    "intermediate.dense.", "output.dense.",           "output."};
constexpr int64_t kAfterLayers = std::numeric_limits<int64_t>::max() - 1;

bool IsLayer(absl::string_view name) {
  return absl::StartsWith(name, "encoder.layer.");
}

// Grows from the input to the output: what lies below a matrix is smaller.
int64_t Depth(absl::string_view name) {
  if (absl::StartsWith(name, "classifier.")) return kAfterLayers + 1;
  if (!IsLayer(name))
    return absl::StartsWith(name, "embeddings.") ? 0 : kAfterLayers;
  name.remove_prefix(std::string("encoder.layer.").size());
  const size_t dot = name.find('.');
  int64_t layer = 0;
  if (dot == absl::string_view::npos ||
      !absl::SimpleAtoi(name.substr(0, dot), &layer))
    return kAfterLayers;
  name.remove_prefix(dot + 1);
  int64_t part = kAttention;
  for (absl::string_view prefix : kLayerParts) {
    if (absl::StartsWith(name, prefix)) break;
    ++part;
  }
  return layer * kDepthsPerLayer + part;
}

uint64_t Elements(const SlotSpec& slot) {
  uint64_t count = 1;
  for (int64_t extent : slot.shape) count *= static_cast<uint64_t>(extent);
  return count;
}

void CountFlops(const ArtifactSpec& spec, const BertConfig& config,
                ProgramCost& cost) {
  int64_t lowest = std::numeric_limits<int64_t>::max();
  for (const SlotSpec& slot : spec.slots)
    if (slot.kind == SlotKind::parameter && slot.trainable)
      lowest = std::min(lowest, Depth(slot.name));
  double forward = 0, backward = 0;  // multiply-adds a token
  for (const SlotSpec& slot : spec.slots) {
    if (slot.kind != SlotKind::parameter || slot.shape.size() != 2) continue;
    const int64_t depth = Depth(slot.name);
    if (depth == 0) continue;  // tables are looked up
    const double work = static_cast<double>(Elements(slot)) /
                        (IsLayer(slot.name) ? 1.0 : cost.length);
    forward += work;
    if (slot.trainable) backward += work;
    if (lowest < depth) backward += work;
  }
  // Scores and their use, each `length` by the width of all heads; both have
  // two gradients.
  const double attention =
      2 * cost.length * static_cast<double>(config.hidden_size);
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    forward += attention;
    if (lowest <= i * kDepthsPerLayer + kAttention) backward += 2 * attention;
  }
  cost.forward_flops = 2 * forward;
  cost.training_flops = 2 * (forward + backward);
}

void CountBytes(const ArtifactSpec& spec, const TargetSpec& target,
                const BatchBounds& bounds, ProgramCost& cost) {
  for (const SlotSpec& slot : spec.slots) {
    uint64_t& bytes = slot.kind == SlotKind::gradient    ? cost.gradient_bytes
                      : slot.kind != SlotKind::parameter ? cost.moment_bytes
                      : slot.trainable                   ? cost.parameter_bytes
                                                         : cost.mapped_bytes;
    bytes += SlotBytes(slot);
    if (slot.kind != SlotKind::parameter) continue;
    cost.parameters += Elements(slot);
    if (slot.trainable) cost.trainable += Elements(slot);
  }
  for (size_t i = 0; i < spec.entries.size(); ++i) {
    cost.arena_bytes =
        std::max(cost.arena_bytes, target.programs[i].arena_bytes);
    uint64_t bytes = 0;
    for (const ValueSpec& value : spec.entries[i].inputs) {
      const int parts = value.kind == ValueKind::segments ? 3 : 1;
      for (int part = 0; part < parts; ++part)
        bytes += BoundBytes(value, part, spec.sizes);
    }
    for (const ValueSpec& value : spec.entries[i].outputs)
      bytes += BoundBytes(value, 0, spec.sizes);
    cost.input_bytes = std::max(cost.input_bytes, bytes);
  }
  cost.input_bytes +=
      BatchStream::kBatches * Examples::Bytes(bounds.sequences, bounds.tokens);
}

std::string Megabytes(uint64_t bytes) {
  return absl::StrFormat("%10.3f MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

absl::StatusOr<ProgramCost> MeasureProgram(const Artifact& artifact,
                                           const std::string& level,
                                           double length) {
  const ArtifactSpec& spec = artifact.spec();
  const TargetSpec* target = nullptr;
  for (const TargetSpec& candidate : spec.targets)
    if (!target && (level.empty() || candidate.level == level))
      target = &candidate;
  if (!target)
    return absl::InvalidArgumentError(
        absl::StrCat(artifact.path(), ": expects code for the level \"", level,
                     "\", got ", spec.targets.size(), " others"));
  for (const SlotSpec& slot : spec.slots)
    if (slot.model != spec.slots.front().model)
      return absl::UnimplementedError(absl::StrCat(
          artifact.path(), ": expects a program of one model, got @",
          spec.slots.front().model, " and @", slot.model));
  GRAFT_ASSIGN_OR_RETURN(
      BertConfig config,
      ParseBertConfig(spec.config, absl::StrCat(artifact.path(), ": config")));
  GRAFT_ASSIGN_OR_RETURN(BatchBounds bounds, ProgramBounds(artifact));
  ProgramCost cost;
  cost.length = length;
  CountFlops(spec, config, cost);
  CountBytes(spec, *target, bounds, cost);
  cost.choices = target->choices;
  return cost;
}

std::string CostText(const ProgramCost& cost) {
  std::string text = absl::StrFormat(
      "parameters %d, %d of them trainable\n"
      "flops      per token, in a text of %.6g tokens: %.6g forward, %.6g in "
      "training\n"
      "memory     of training, at the program's capacity:\n",
      cost.parameters, cost.trainable, cost.length, cost.forward_flops,
      cost.training_flops);
  const std::pair<const char*, uint64_t> parts[] = {
      {"parameters", cost.parameter_bytes},
      {"gradients", cost.gradient_bytes},
      {"moments", cost.moment_bytes},
      {"arena", cost.arena_bytes},
      {"inputs and outputs", cost.input_bytes},
      {"total", cost.total_bytes()},
      {"frozen, mapped", cost.mapped_bytes}};
  for (const auto& [name, bytes] : parts)
    absl::StrAppendFormat(&text, "  %-18s %s\n", name, Megabytes(bytes));
  if (cost.choices.empty()) return text;
  text +=
      "budget     of the arena (--memory-budget), and the estimated time of a "
      "step\n           relative to no budget:\n";
  for (const MemoryChoiceSpec& choice : cost.choices)
    absl::StrAppendFormat(&text, "  %-18s %s %6.2f\n", "",
                          Megabytes(choice.arena_bytes), choice.time);
  return text;
}

std::string CostJson(const ProgramCost& cost) {
  nlohmann::ordered_json json = {
      {"parameters", cost.parameters},
      {"trainable", cost.trainable},
      {"length", cost.length},
      {"forward_flops_per_token", cost.forward_flops},
      {"training_flops_per_token", cost.training_flops},
      {"bytes",
       {{"parameters", cost.parameter_bytes},
        {"gradients", cost.gradient_bytes},
        {"moments", cost.moment_bytes},
        {"arena", cost.arena_bytes},
        {"inputs", cost.input_bytes},
        {"total", cost.total_bytes()},
        {"mapped", cost.mapped_bytes}}}};
  for (const MemoryChoiceSpec& choice : cost.choices)
    json["choices"].push_back(
        {{"arena", choice.arena_bytes}, {"time", choice.time}});
  return json.dump();
}

}  // namespace graft
