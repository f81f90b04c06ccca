// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Runs entries of an artifact on tensors from a safetensors file.

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/message.h"
#include "runtime/base/status_macros.h"
#include "runtime/executor/instance.h"
#include "runtime/executor/trace.h"
#include "runtime/formats/safetensors.h"
#include "tools/ending_signals.h"
#include "tools/graft-run/feeds.h"
#include "tools/graft-run/requests.h"
#include "tools/open_device.h"
#include "tools/option_values.h"
#include "tools/standard_output.h"

namespace graft {
namespace {

constexpr char kHelp[] =
    R"(usage: graft-run FILE.graft --entry NAMES --inputs FILES [options]

Runs entries of an artifact.

  --entry NAMES      the entry, for example predict; or several, separated by
                     commas, which run one after the other
  --inputs FILES     safetensors file with a tensor for each input; segments
                     NAME are the I32 tensors NAME.offsets and, if given,
                     NAME.ordinals; of several files, separated by commas, one
                     after the other is run, such as micro-batches
  --outputs FILE     write the results to this safetensors file
  --slots-out FILE   write the slots after the run to this file
  --slot-kinds LIST  kinds of slots to write: parameter, and names of states such
                     as gradient, separated by commas (default: all)
  --threads N        threads to use (default: all cores)
  --pin-threads      keep each thread but the first on a processor of its own
  --repeat N         run N times; reported times are those of the last run
  --seed N, --step N keys of random numbers (default 0)
  --cpu-level LEVEL  ISA level of the code to use (default: the best for this
                     processor)
  --device-plugin FILE.so
                     device to compute on (default: the CPU)
  --profile          print the time of each kernel
  --trace FILE       write a trace for Perfetto (ui.perfetto.dev)
  --requests         instead of --inputs: for each line of standard input,
                     {"inputs": [FILE, ...], "runs": N, "outputs": FILE}, run
                     the entries on the files N times and print the seconds
                     that each took
  --help             this text

example:
  graft-run model.graft --entry predict --inputs batch.safetensors \
      --outputs logits.safetensors --profile
)";

struct Flags {
  std::string artifact, outputs, trace, slots_out;
  std::vector<std::string> inputs;  // files, one after the other
  DeviceChoice device;
  std::vector<std::string> entries;
  std::vector<std::string> slot_kinds;  // empty: all
  int repeat = 1;
  uint64_t seed = 0;
  uint32_t step = 0;
  bool profile = false;
  bool requests = false;
};

absl::Status UsageError(absl::string_view message) {
  return absl::InvalidArgumentError(message);
}

template <typename Int>
absl::Status ParseNumber(absl::string_view flag, absl::string_view text,
                         uint64_t least, uint64_t most, Int& number) {
  const std::string error = WholeNumberError(text, least, most);
  if (error.empty() && absl::SimpleAtoi(text, &number)) return absl::OkStatus();
  return UsageError(absl::StrCat(flag, ": ", error));
}

// The options that take a value.
const std::vector<std::string>& ValueFlags() {
  static const auto* const flags = new std::vector<std::string>{
      "--entry",      "--inputs",    "--outputs",       "--slots-out",
      "--slot-kinds", "--cpu-level", "--device-plugin", "--trace",
      "--threads",    "--repeat",    "--seed",          "--step"};
  return *flags;
}

absl::Status UnknownFlag(absl::string_view name) {
  std::vector<std::string> known = ValueFlags();
  known.insert(known.end(),
               {"--profile", "--requests", "--pin-threads", "--help"});
  return UsageError(
      absl::StrCat(Shorten(name), ": no such option", DidYouMean(name, known)));
}

// What --slot-kinds calls a slot.
std::string KindOf(const SlotSpec& slot) {
  return slot.is_parameter() ? "parameter" : slot.state;
}

// An error for a kind of slots that the artifact has not.
absl::Status CheckSlotKinds(const std::vector<std::string>& kinds,
                            const ArtifactSpec& spec) {
  for (const std::string& kind : kinds) {
    if (!absl::c_any_of(spec.slots, [&](const SlotSpec& slot) {
          return KindOf(slot) == kind;
        })) {
      return UsageError(absl::StrCat(
          "--slot-kinds: expects kinds of slots of the artifact, got ", kind));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Flags> ParseFlags(int argc, char** argv) {
  Flags flags;
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i], value;
    bool* switch_flag = name == "--profile"    ? &flags.profile
                        : name == "--requests" ? &flags.requests
                        : name == "--pin-threads"
                            ? &flags.device.options.pin_threads
                            : nullptr;
    if (switch_flag != nullptr) {
      *switch_flag = true;
      continue;
    }
    if (name.empty())
      return UsageError("expects FILE.graft, got an empty name");
    if (name.rfind("--", 0) != 0) {
      if (!flags.artifact.empty()) {
        return UsageError(absl::StrCat("expects one artifact, got ", name,
                                       " after ", flags.artifact));
      }
      flags.artifact = name;
      continue;
    }
    if (const size_t equal = name.find('='); equal != std::string::npos) {
      value = name.substr(equal + 1);
      name.resize(equal);
    } else if (!absl::c_linear_search(ValueFlags(), name)) {
      return UnknownFlag(name);
    } else if (i + 1 < argc) {
      value = argv[++i];
    } else {
      return UsageError(absl::StrCat(name, ": expects a value, got none"));
    }
    if (value.empty())
      return UsageError(
          absl::StrCat(name, ": expects a value, got an empty value"));
    absl::Status status;
    if (name == "--entry") {
      flags.entries = absl::StrSplit(value, ',', absl::SkipEmpty());
    } else if (name == "--inputs") {
      flags.inputs = absl::StrSplit(value, ',');
    } else if (name == "--outputs") {
      flags.outputs = value;
    } else if (name == "--slots-out") {
      flags.slots_out = value;
    } else if (name == "--slot-kinds") {
      flags.slot_kinds = absl::StrSplit(value, ',');
    } else if (name == "--cpu-level") {
      flags.device.options.level = value;
    } else if (name == "--device-plugin") {
      flags.device.plugin = value;
    } else if (name == "--trace") {
      flags.trace = value;
    } else if (name == "--threads") {
      status = ParseNumber(name, value, 1, kMostThreads,
                           flags.device.options.threads);
    } else if (name == "--repeat") {
      status = ParseNumber(name, value, 1, kMostCounted, flags.repeat);
    } else if (name == "--seed") {
      status = ParseNumber(name, value, 0, std::numeric_limits<uint64_t>::max(),
                           flags.seed);
    } else if (name == "--step") {
      status = ParseNumber(name, value, 0, std::numeric_limits<uint32_t>::max(),
                           flags.step);
    } else {
      status = UnknownFlag(name);
    }
    GRAFT_RETURN_IF_ERROR(status);
  }
  if (flags.artifact.empty()) return UsageError("expects FILE.graft, got none");
  if (flags.entries.empty()) return UsageError("expects --entry, got none");
  if (flags.inputs.empty() != flags.requests) {
    return UsageError(flags.requests
                          ? "expects --inputs or --requests, got both"
                          : "expects --inputs, got none");
  }
  return flags;
}

// Slots by the names that checkpoints use, MODEL.NAME.
absl::Status WriteSlots(const Flags& flags, Instance& instance) {
  std::vector<TensorView> tensors;
  const std::vector<SlotSpec>& slots = instance.artifact().spec().slots;
  for (size_t i = 0; i < slots.size(); ++i) {
    const SlotSpec& slot = slots[i];
    GRAFT_ASSIGN_OR_RETURN(const absl::Span<const uint8_t> bytes,
                           instance.Slot(i));
    if (bytes.empty() ||
        (!flags.slot_kinds.empty() &&
         !absl::c_linear_search(flags.slot_kinds, KindOf(slot)))) {
      continue;
    }
    TensorView& view = tensors.emplace_back();
    view.name = absl::StrCat(slot.model, ".", slot.name);
    view.dtype = slot.dtype;
    view.shape = slot.shape;
    view.data = bytes;
  }
  return WriteSafetensors(FileSystem::Posix(), flags.slots_out, tensors);
}

absl::Status Run(const Flags& flags) {
  FileSystem& files = FileSystem::Posix();
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Device> device,
                         OpenDevice(flags.device));
  LoadOptions load;
  load.device = device.get();
  load.verify_weights = true;
  GRAFT_ASSIGN_OR_RETURN(std::shared_ptr<const Artifact> artifact,
                         Artifact::Load(files, flags.artifact, load));
  GRAFT_RETURN_IF_ERROR(CheckSlotKinds(flags.slot_kinds, artifact->spec()));
  std::vector<size_t> entries;
  bool training = false;
  for (const std::string& name : flags.entries) {
    GRAFT_ASSIGN_OR_RETURN(const size_t entry, artifact->FindEntry(name));
    training |= artifact->EntryWritesSlots(entry);
    entries.push_back(entry);
  }
  GRAFT_ASSIGN_OR_RETURN(std::unique_ptr<Instance> instance,
                         Instance::Create(artifact, {.training = training}));
  if (flags.requests) return AnswerRequests(*instance, entries, flags.seed);
  std::vector<std::unique_ptr<InputFile>> inputs;
  for (const std::string& path : flags.inputs) {
    GRAFT_ASSIGN_OR_RETURN(inputs.emplace_back(),
                           InputFile::Open(path, *artifact, entries));
  }

  instance->SetRandom(flags.seed, flags.step);
  CommandTrace trace;
  absl::Span<const OutputView> outputs;
  for (int i = 0; i < flags.repeat; ++i) {
    const bool last = i + 1 == flags.repeat;
    if (last && (flags.profile || !flags.trace.empty())) {
      instance->SetProfiler(
          [&](const CommandTiming& timing) { trace.Add(timing); });
    }
    for (const std::unique_ptr<InputFile>& file : inputs) {
      GRAFT_ASSIGN_OR_RETURN(outputs, file->Run(*instance));
    }
  }
  if (!flags.outputs.empty()) {
    GRAFT_RETURN_IF_ERROR(WriteOutputs(flags.outputs, outputs));
  }
  if (!flags.slots_out.empty()) {
    GRAFT_RETURN_IF_ERROR(WriteSlots(flags, *instance));
  }
  if (flags.profile) GRAFT_RETURN_IF_ERROR(Print(trace.Summary()));
  if (!flags.trace.empty()) {
    GRAFT_RETURN_IF_ERROR(WriteFile(files, flags.trace, trace.Json()));
  }
  return absl::OkStatus();
}

// Exit code for `status`, which is told.
int Finish(absl::Status status) {
  if (status.ok()) status = FlushStandardOutput();
  if (status.ok()) return 0;
  std::fprintf(stderr, "graft-run: %s\n",
               std::string(status.message()).c_str());
  return 1;
}

int Main(int argc, char** argv) {
  PrepareStandardOutput();
  HandleEndingSignals();
  for (int i = 1; i < argc; ++i)
    if (absl::string_view(argv[i]) == "--help") return Finish(Print(kHelp));
  absl::StatusOr<Flags> flags = ParseFlags(argc, argv);
  if (!flags.ok()) {
    std::fprintf(stderr, "graft-run: %s\nsee graft-run --help\n",
                 std::string(flags.status().message()).c_str());
    return 2;
  }
  return Finish(Run(*flags));
}

}  // namespace
}  // namespace graft

int main(int argc, char** argv) { return graft::Main(argc, argv); }
