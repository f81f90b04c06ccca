// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// graft bench: the speed of inference or training on this machine.

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/algorithm/container.h"
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

// The usual shapes: those of them that the program takes.
constexpr int64_t kBatches[] = {1, 8};
constexpr int64_t kLengths[] = {16, 64};

struct BenchOptions {
  std::string artifact;
  std::vector<int64_t> batches;  // empty: kBatches
  std::vector<int64_t> lengths;  // empty: kLengths, or none without texts
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
  std::vector<uint32_t> streams;  // that the entries read
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
    for (const uint32_t stream : StreamsOf(spec, spec.entries[entry]))
      if (!absl::c_linear_search(timed.streams, stream))
        timed.streams.push_back(stream);
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

// Returns a batch of `batch` examples of a stream, texts of `length` tokens
// each if it has texts. Columns other than the tokens, and rows of caches, are
// zero: the time does not depend on their values.
PackedBatch MakeBatch(const ArtifactSpec& spec, uint32_t stream, int64_t batch,
                      int64_t length, int64_t vocabulary) {
  const Schema schema = ColumnsOf(spec, stream);
  const std::optional<size_t> ids_column = schema.Find(kIdsColumn);
  Examples examples(schema);
  for (int64_t i = 0; i < batch; ++i) {
    examples.Add(HasTexts(spec, stream) ? length : 0, /*row=*/i);
    if (!ids_column) continue;
    const absl::Span<int32_t> ids = examples.mutable_ints(*ids_column, i);
    for (int64_t j = 0; j < length; ++j)
      ids[j] = static_cast<int32_t>((i * length + j) * 7919 % vocabulary);
  }
  std::vector<CachedRows> caches;
  for (const CacheSpec& cache : spec.caches) {
    if (cache.stream != stream) continue;
    const int64_t width = CacheWidth(spec, cache);
    caches.push_back(
        {cache.name, width, std::vector<float>(batch * width, 0.0f)});
  }
  PackedBatch packed;
  packed.Reserve(schema, caches, StreamCapacity(spec, spec.streams[stream]));
  PackBatch(examples, {0, batch}, caches, packed);
  return packed;
}

// A batch of each stream.
class Batches {
 public:
  // Of shape `batch` x `length`, for the streams that `timed` reads.
  Batches(const ArtifactSpec& spec, const Timed& timed, int64_t batch,
          int64_t length, int64_t vocabulary)
      : batches_(spec.streams.size()), by_stream_(spec.streams.size()) {
    for (const uint32_t stream : timed.streams) {
      batches_[stream] = MakeBatch(spec, stream, batch, length, vocabulary);
      by_stream_[stream] = &batches_[stream];
    }
  }
  Batches(const Batches&) = delete;
  Batches& operator=(const Batches&) = delete;

  absl::Span<const PackedBatch* const> by_stream() const { return by_stream_; }

 private:
  std::vector<PackedBatch> batches_;
  std::vector<const PackedBatch*> by_stream_;  // null: not read
};

struct Times {
  double median = 0;  // seconds
  double slow = 0;    // 95th percentile
  int64_t runs = 0;
};

absl::StatusOr<Times> Measure(Timed& timed, const Batches& batches,
                              double seconds) {
  std::vector<double> times;
  auto run = [&]() -> absl::Status {
    const absl::Time start = absl::Now();
    for (EntryCaller& entry : timed.entries)
      GRAFT_RETURN_IF_ERROR(entry.Call(batches.by_stream(), timed.registers));
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

// The shape of a batch; no length without texts.
struct Shape {
  int64_t batch = 0;
  int64_t length = 0;
};

// `flops` per token, or per example without texts.
nlohmann::ordered_json Record(const Timed& timed, const Shape& shape,
                              const Times& times, double flops) {
  const auto examples = static_cast<double>(timed.batches * shape.batch);
  const double tokens = examples * static_cast<double>(shape.length);
  nlohmann::ordered_json record = {{"batch", shape.batch}};
  if (shape.length > 0) record["length"] = shape.length;
  record["runs"] = times.runs;
  record["median_ms"] = 1e3 * times.median;
  record["p95_ms"] = 1e3 * times.slow;
  if (shape.length > 0) {
    record["texts_per_second"] = examples / times.median;
    record["tokens_per_second"] = tokens / times.median;
  } else {
    record["examples_per_second"] = examples / times.median;
  }
  record["gflops"] =
      (shape.length > 0 ? tokens : examples) * flops / times.median / 1e9;
  return record;
}

std::string Header(bool texts) {
  return texts ? absl::StrFormat("%-12s %12s %12s %10s %10s %9s\n",
                                 "texts x tokens", "median", "95 %", "texts/s",
                                 "tokens/s", "GFLOP/s")
               : absl::StrFormat("%-12s %12s %12s %12s %9s\n", "examples",
                                 "median", "95 %", "examples/s", "GFLOP/s");
}

std::string Row(const nlohmann::ordered_json& record) {
  const auto number = [&](const char* name) {
    return record[name].get<double>();
  };
  const auto time = [&](const char* name) {
    return absl::StrFormat("%9.*f ms", number(name) < 1 ? 4 : 2, number(name));
  };
  const std::string times =
      absl::StrCat(time("median_ms"), " ", time("p95_ms"));
  const auto batch = record["batch"].get<int64_t>();
  return record.contains("length")
             ? absl::StrFormat("%5d x %-4d %s %10.1f %10.0f %9.1f\n", batch,
                               record["length"].get<int64_t>(), times,
                               number("texts_per_second"),
                               number("tokens_per_second"), number("gflops"))
             : absl::StrFormat("%12d %s %12.1f %9.1f\n", batch, times,
                               number("examples_per_second"), number("gflops"));
}

absl::Status CheckShape(const BenchOptions& options, const Artifact& artifact,
                        const Timed& timed, const Shape& shape) {
  const int64_t longest = MaxLength(artifact);
  if (shape.length > longest)
    return absl::InvalidArgumentError(
        absl::StrCat("--length: expects at most ", longest,
                     " tokens, the model's limit, got ", shape.length));
  const ArtifactSpec& spec = artifact.spec();
  for (const uint32_t stream : timed.streams) {
    const BatchCapacity capacity = StreamCapacity(spec, spec.streams[stream]);
    const bool texts = HasTexts(spec, stream);
    if (shape.batch <= capacity.sequences &&
        (!texts || shape.batch * shape.length <= capacity.tokens))
      continue;
    if (!texts)
      return absl::InvalidArgumentError(absl::StrCat(
          options.artifact, ": expects at most ", capacity.sequences,
          " examples, the program's capacity, got ", shape.batch));
    return absl::InvalidArgumentError(absl::StrCat(
        options.artifact, ": expects at most ", capacity.tokens, " tokens in ",
        capacity.sequences, " texts, the program's capacity, got ", shape.batch,
        " texts of ", shape.length, " tokens"));
  }
  return absl::OkStatus();
}

// Times a shape and prints the result.
absl::Status BenchShape(const BenchOptions& options, const Artifact& artifact,
                        const MachineLimits& limits, Timed& timed,
                        const Batches& batches, const Shape& shape) {
  GRAFT_ASSIGN_OR_RETURN(Times times, Measure(timed, batches, options.seconds));
  GRAFT_ASSIGN_OR_RETURN(
      ProgramCost cost,
      MeasureProgram(artifact, "", static_cast<double>(shape.length)));
  nlohmann::ordered_json record =
      Record(timed, shape, times,
             options.train ? cost.training_flops.back() : cost.forward_flops);
  // Apart from the timed runs, because profiling costs time.
  KernelProfile profile;
  if (options.profile || options.roofline) {
    timed.instance->SetProfiler(
        [&](const CommandTiming& timing) { profile.Add(timing); });
    GRAFT_RETURN_IF_ERROR(Measure(timed, batches, 0).status());
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

// All shapes, checked before the first run, which may take long.
absl::StatusOr<std::vector<Shape>> ChooseShapes(
    const BenchOptions& options, const Artifact& artifact, const Timed& timed,
    const std::vector<int64_t>& lengths) {
  std::vector<int64_t> batches = options.batches;
  if (batches.empty()) batches.assign(std::begin(kBatches), std::end(kBatches));
  std::vector<Shape> shapes;
  for (const int64_t batch : batches) {
    // That of the first length which the program does not take.
    absl::Status refused;
    const size_t before = shapes.size();
    for (const int64_t length : lengths) {
      const Shape shape = {batch, length};
      const absl::Status checked = CheckShape(options, artifact, timed, shape);
      refused.Update(checked);
      if (checked.ok()) shapes.push_back(shape);
    }
    // Of the usual shapes some may be left out, of those asked for none.
    const bool usual_batch = options.batches.empty() && batch > 1;
    const bool usual_length = options.lengths.empty() && shapes.size() > before;
    if (!usual_batch && !usual_length) GRAFT_RETURN_IF_ERROR(refused);
  }
  return shapes;
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
  // A length without texts is an error of this.
  GRAFT_ASSIGN_OR_RETURN(
      const ProgramCost cost,
      MeasureProgram(*artifact, "",
                     options.lengths.empty()
                         ? 0
                         : static_cast<double>(options.lengths.front())));
  const bool texts = cost.length > 0;
  std::vector<int64_t> lengths = options.lengths;
  if (lengths.empty() && texts)
    for (const int64_t length : kLengths)
      if (length <= MaxLength(*artifact)) lengths.push_back(length);
  if (lengths.empty()) lengths = {texts ? MaxLength(*artifact) : 0};
  GRAFT_ASSIGN_OR_RETURN(const std::vector<Shape> shapes,
                         ChooseShapes(options, *artifact, timed, lengths));
  int64_t vocabulary = 0;
  if (texts) {
    GRAFT_ASSIGN_OR_RETURN(
        std::unique_ptr<Tokenizer> tokenizer,
        TokenizerFromArtifact(artifact->spec(), artifact->path()));
    vocabulary = tokenizer->vocabulary_size();
  }
  MachineLimits limits;
  if (options.roofline) {
    GRAFT_ASSIGN_OR_RETURN(limits, MeasureLimits(options.device.options,
                                                 artifact->target()->level));
  }
  if (!options.json) GRAFT_RETURN_IF_ERROR(Print(Header(texts)));
  for (const Shape& shape : shapes) {
    const Batches batches(artifact->spec(), timed, shape.batch, shape.length,
                          vocabulary);
    GRAFT_RETURN_IF_ERROR(
        BenchShape(options, *artifact, limits, timed, batches, shape));
  }
  return absl::OkStatus();
}

}  // namespace

void AddBenchCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "bench", "Time inference or training steps of an artifact");
  auto options = std::make_shared<BenchOptions>();
  command->add_option("artifact", options->artifact, "model.graft")->required();
  command
      ->add_option(
          "--batch", options->batches,
          "examples per batch, a list (default: 1,8, as far as the program "
          "takes them)")
      ->delimiter(',')
      ->check(WholeNumber(1));
  command
      ->add_option(
          "--length", options->lengths,
          "tokens per text, a list (default: 16,64, as far as the program "
          "takes them)")
      ->delimiter(',')
      ->check(WholeNumber(1));
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
