// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// graft bench: the speed of inference or training on this machine.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "runtime/binding/entry.h"
#include "runtime/data/examples.h"
#include "runtime/device/cpu/thread_pool.h"
#include "runtime/executor/instance.h"
#include "runtime/executor/trace.h"
#include "runtime/predict/predictor.h"
#include "runtime/tokenize/registry.h"
#include "tools/graft/commands.h"
#include "tools/graft/device_options.h"
#include "tools/graft/machine_limits.h"
#include "tools/graft/plan.h"
#include "tools/graft/roofline.h"
#include "tools/open_device.h"
#include "tools/option_checks.h"
#include "tools/standard_output.h"

namespace graft {
namespace {

struct BenchOptions {
  std::string artifact;
  std::vector<int64_t> batches = {1, 8};
  std::vector<int64_t> lengths = {16, 64};
  double seconds = 2;
  DeviceChoice device;
  bool train = false;
  bool profile = false;
  bool roofline = false;
  bool json = false;
};

// The timed work: one inference, or one optimiser step.
struct Timed {
  std::unique_ptr<Instance> instance;
  std::vector<EntryCaller> entries;
  uint32_t stream = 0;  // of the inference; they all have its sizes
  // Of a step one of each stream, of an inference one for each head.
  int64_t batches = 1;
  std::vector<double> registers;  // of the artifact
};

absl::StatusOr<Timed> Open(const std::shared_ptr<const Artifact>& artifact,
                           bool train) {
  Timed timed;
  GRAFT_ASSIGN_OR_RETURN(timed.instance,
                         Instance::Create(artifact, {.training = train}));
  const ArtifactSpec& spec = artifact->spec();
  const std::vector<size_t> predictions = PredictionEntries(spec);
  if (predictions.empty())
    return absl::NotFoundError(absl::StrCat(
        artifact->path(), ": expects a program that predicts, got none"));
  GRAFT_ASSIGN_OR_RETURN(timed.stream,
                         OnlyStream(*artifact, predictions.front()));
  std::vector<StageWork> stages;
  if (train) stages = StagesOf(spec);
  const std::vector<size_t> entries = !train           ? predictions
                                      : stages.empty() ? std::vector<size_t>()
                                                       : stages.back().entries;
  if (entries.empty())
    return absl::InvalidArgumentError(absl::StrCat(
        artifact->path(), ": expects a program that trains, got none"));
  timed.batches = static_cast<int64_t>(train ? stages.back().streams.size()
                                             : predictions.size());
  // Any numbers do, except that a rate of 0 leaves the parameters unchanged; an
  // update does all of its work.
  timed.registers.assign(spec.registers.size(), 1);
  for (const size_t entry : entries) {
    for (const ValueSpec& input : spec.entries[entry].inputs)
      if (input.source == SourceKind::scalar && input.name == "rate")
        timed.registers[input.source_index] = 0;
    GRAFT_ASSIGN_OR_RETURN(
        EntryCaller caller,
        EntryCaller::Create(*timed.instance, spec.entries[entry].name));
    timed.entries.push_back(std::move(caller));
  }
  return timed;
}

// The columns that the entries take of `streams` streams.
Schema TakenColumns(const Timed& timed, size_t streams) {
  std::vector<ColumnSpec> more;
  for (const EntryCaller& entry : timed.entries)
    for (uint32_t stream = 0; stream < streams; ++stream)
      for (ColumnSpec& column : entry.columns(stream))
        if (const Schema all = TextSchema(more); !all.Find(column.name))
          more.push_back(std::move(column));
  return TextSchema(std::move(more));
}

// Returns a batch of texts of `length` tokens each; columns other than the
// tokens, and rows of caches, are zero. The time does not depend on their
// values.
PackedBatch MakeBatch(const ArtifactSpec& spec, const Schema& schema,
                      int64_t batch, int64_t length, int64_t vocabulary,
                      const BatchCapacity& capacity) {
  Examples texts(schema);
  for (int64_t i = 0; i < batch; ++i) {
    texts.Add(length, /*row=*/i);
    const absl::Span<int32_t> ids = texts.mutable_ints(kIds, i);
    for (int64_t j = 0; j < length; ++j)
      ids[j] = static_cast<int32_t>((i * length + j) * 7919 % vocabulary);
  }
  std::vector<CachedRows> caches;
  for (const CacheSpec& cache : spec.caches) {
    const int64_t width = CacheWidth(spec, cache);
    caches.push_back(
        {cache.name, width, std::vector<float>(batch * width, 0.0f)});
  }
  PackedBatch packed;
  packed.Reserve(schema, caches, capacity);
  PackBatch(texts, {0, batch}, caches, packed);
  return packed;
}

struct Times {
  double median = 0;  // seconds
  double slow = 0;    // 95th percentile
  int64_t runs = 0;
};

absl::StatusOr<Times> Measure(Timed& timed, const PackedBatch& batch,
                              double seconds) {
  std::vector<double> times;
  auto run = [&]() -> absl::Status {
    const absl::Time start = absl::Now();
    for (EntryCaller& entry : timed.entries)
      GRAFT_RETURN_IF_ERROR(entry.Call(batch, timed.registers));
    times.push_back(absl::ToDoubleSeconds(absl::Now() - start));
    return absl::OkStatus();
  };
  // The first runs touch memory for the first time.
  for (int i = 0; i < 2; ++i) GRAFT_RETURN_IF_ERROR(run());
  times.clear();
  const absl::Time end = absl::Now() + absl::Seconds(seconds);
  while (times.size() < 5 || absl::Now() < end) GRAFT_RETURN_IF_ERROR(run());
  std::sort(times.begin(), times.end());
  return Times{times[times.size() / 2], times[times.size() * 95 / 100],
               static_cast<int64_t>(times.size())};
}

// `flops` per token.
nlohmann::ordered_json Record(const Timed& timed, const PackedBatch& batch,
                              int64_t length, const Times& times,
                              double flops) {
  const auto texts = static_cast<double>(timed.batches * batch.sequences());
  const auto tokens = static_cast<double>(timed.batches * batch.tokens());
  return {{"batch", batch.sequences()},
          {"length", length},
          {"runs", times.runs},
          {"median_ms", 1e3 * times.median},
          {"p95_ms", 1e3 * times.slow},
          {"texts_per_second", texts / times.median},
          {"tokens_per_second", tokens / times.median},
          {"gflops", tokens * flops / times.median / 1e9}};
}

std::string Row(const nlohmann::ordered_json& record) {
  return absl::StrFormat(
      "%5d x %-4d %9.2f ms %9.2f ms %10.1f %10.0f %9.1f\n",
      record["batch"].get<int64_t>(), record["length"].get<int64_t>(),
      record["median_ms"].get<double>(), record["p95_ms"].get<double>(),
      record["texts_per_second"].get<double>(),
      record["tokens_per_second"].get<double>(),
      record["gflops"].get<double>());
}

absl::Status CheckShape(const BenchOptions& options, int64_t batch,
                        int64_t length, const BatchCapacity& capacity,
                        int64_t longest) {
  if (length > longest)
    return absl::InvalidArgumentError(
        absl::StrCat("--length: expects at most ", longest,
                     " tokens, the model's limit, got ", length));
  if (batch <= capacity.sequences && batch * length <= capacity.tokens)
    return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      options.artifact, ": expects at most ", capacity.tokens, " tokens in ",
      capacity.sequences, " texts, the program's capacity, got ", batch,
      " texts of ", length, " tokens"));
}

// Times a shape and prints the result.
absl::Status BenchShape(const BenchOptions& options, const Artifact& artifact,
                        const MachineLimits& limits, Timed& timed,
                        const PackedBatch& packed, int64_t length) {
  GRAFT_ASSIGN_OR_RETURN(Times times, Measure(timed, packed, options.seconds));
  GRAFT_ASSIGN_OR_RETURN(
      ProgramCost cost,
      MeasureProgram(artifact, "", static_cast<double>(length)));
  nlohmann::ordered_json record =
      Record(timed, packed, length, times,
             options.train ? cost.training_flops.back() : cost.forward_flops);
  // Apart from the timed runs, because profiling costs time.
  KernelProfile profile;
  if (options.profile || options.roofline) {
    timed.instance->SetProfiler(
        [&](const CommandTiming& timing) { profile.Add(timing); });
    GRAFT_RETURN_IF_ERROR(Measure(timed, packed, 0).status());
    timed.instance->SetProfiler({});
  }
  if (options.roofline && options.json)
    record["roofline"] = RooflineJson(profile, limits);
  GRAFT_RETURN_IF_ERROR(
      Print(options.json ? absl::StrCat(record.dump(), "\n") : Row(record)));
  if (options.roofline && !options.json)
    GRAFT_RETURN_IF_ERROR(Print(RooflineText(profile, limits)));
  GRAFT_RETURN_IF_ERROR(FlushStandardOutput());
  if (options.profile) std::fputs(profile.Summary(20).c_str(), stderr);
  return absl::OkStatus();
}

absl::StatusOr<MachineLimits> MeasureLimits(const DeviceOptions& options,
                                            const std::string& level) {
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<ThreadPool> pool,
      ThreadPool::Create(
          options.threads > 0 ? options.threads : DefaultThreadCount(),
          options.pin_threads ? ThreadPinning::kEach : ThreadPinning::kNone));
  return MeasureMachineLimits(*pool, level);
}

absl::Status Bench(const BenchOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Device> device,
                         OpenDevice(options.device));
  LoadOptions load;
  load.device = device.get();
  load.verify_weights = true;
  GRAFT_ASSIGN_OR_RETURN(
      std::shared_ptr<const Artifact> artifact,
      Artifact::Load(FileSystem::Posix(), options.artifact, load));
  GRAFT_ASSIGN_OR_RETURN(Timed timed, Open(artifact, options.train));
  const BatchCapacity capacity =
      StreamCapacity(artifact->spec(), artifact->spec().streams[timed.stream]);
  const int64_t longest = MaxLength(*artifact);
  GRAFT_ASSIGN_OR_RETURN(
      std::unique_ptr<Tokenizer> tokenizer,
      TokenizerFromArtifact(artifact->spec(), artifact->path()));
  // Check all shapes before the first run, which may take long.
  for (int64_t batch : options.batches)
    for (int64_t length : options.lengths)
      GRAFT_RETURN_IF_ERROR(
          CheckShape(options, batch, length, capacity, longest));
  MachineLimits limits;
  if (options.roofline) {
    GRAFT_ASSIGN_OR_RETURN(limits, MeasureLimits(options.device.options,
                                                 artifact->target()->level));
  }
  if (!options.json)
    GRAFT_RETURN_IF_ERROR(Print(
        absl::StrFormat("%-12s %12s %12s %10s %10s %9s\n", "texts x tokens",
                        "median", "95 %", "texts/s", "tokens/s", "GFLOP/s")));
  for (int64_t batch : options.batches) {
    for (int64_t length : options.lengths) {
      const PackedBatch packed =
          MakeBatch(artifact->spec(),
                    TakenColumns(timed, artifact->spec().streams.size()), batch,
                    length, tokenizer->vocabulary_size(), capacity);
      GRAFT_RETURN_IF_ERROR(
          BenchShape(options, *artifact, limits, timed, packed, length));
    }
  }
  return absl::OkStatus();
}

}  // namespace

void AddBenchCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "bench", "Time inference or training steps of an artifact");
  auto options = std::make_shared<BenchOptions>();
  command->add_option("artifact", options->artifact, "model.graft")->required();
  command->add_option("--batch", options->batches, "texts per batch, a list")
      ->delimiter(',')
      ->check(WholeNumber(1))
      ->capture_default_str();
  command->add_option("--length", options->lengths, "tokens per text, a list")
      ->delimiter(',')
      ->check(WholeNumber(1))
      ->capture_default_str();
  command->add_option("--seconds", options->seconds, "seconds per shape")
      ->check(Number(0, 86400))
      ->capture_default_str();
  AddDeviceOptions(*command, options->device);
  command->add_flag("--train", options->train,
                    "time optimiser steps instead of inference");
  command->add_flag("--profile", options->profile,
                    "show the longest kernels of each shape, on standard "
                    "error");
  command
      ->add_flag("--roofline", options->roofline,
                 "compare each kernel of each shape with the compute peak and "
                 "memory bandwidth of this machine")
      ->excludes("--profile")
      ->excludes("--device-plugin");
  command->add_flag("--json", options->json, "one JSON object per shape");
  command->footer(
      "Example:\n"
      "  graft bench out/model.graft --batch 1,8 --length 16,32\n"
      "GFLOP/s counts what `graft plan` counts.");
  command->callback([options, &context] {
    context.run = [options] { return Bench(*options); };
  });
}

}  // namespace graft
