// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft/run_identity.h"

#include <algorithm>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "runtime/base/file.h"
#include "runtime/base/hash.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/checkpoint_weights.h"
#include "tools/graft/strategy_options.h"
#include "tools/strategy_flags.h"

namespace graft {
namespace {

// Bytes at both ends of a checkpoint that tell it from others. Its header, with
// names and shapes of all tensors, is at the start.
constexpr size_t kEnds = 1 << 16;

// Whether the compiler lists what the option sets among the settings.
bool IsSetting(absl::string_view option) {
  const absl::string_view name = option.substr(0, option.find('='));
  return name == "--set" ||
         std::any_of(
             std::begin(kStrategyFlags), std::end(kStrategyFlags),
             [&](const StrategyFlag& flag) { return name == flag.option; });
}

// The compiler's options without places of files and settings, in one order.
std::vector<std::string> NormaliseArguments(
    const std::vector<std::string>& arguments) {
  static constexpr absl::string_view kPlaces[] = {
      "--labels=", "--teacher=", "--dump-stages=", "--model="};
  std::vector<std::string> result;
  for (absl::string_view argument : arguments) {
    const bool place = std::any_of(std::begin(kPlaces), std::end(kPlaces),
                                   [&](absl::string_view prefix) {
                                     return absl::StartsWith(argument, prefix);
                                   });
    // The input, and what follows -o.
    if (place || !absl::StartsWith(argument, "--") || IsSetting(argument))
      continue;
    if (absl::StartsWith(argument, "--plugin=")) {
      result.push_back(absl::StrCat(
          "--plugin=", argument.substr(argument.find_last_of("=/") + 1)));
      continue;
    }
    result.emplace_back(argument);
  }
  std::sort(result.begin(), result.end());
  return result;
}

// The text of a strategy without comments, blanks as one.
std::string NormaliseStrategy(absl::string_view text) {
  std::string result;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    bool quoted = false;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '"') quoted = !quoted;
      if (!quoted && absl::StartsWith(line.substr(i), "//")) break;
      const bool blank = line[i] == ' ' || line[i] == '\t' || line[i] == '\r';
      if (!blank || quoted)
        result.push_back(line[i]);
      else if (!result.empty() && result.back() != ' ')
        result.push_back(' ');
    }
    if (!result.empty() && result.back() != ' ') result.push_back(' ');
  }
  return result;
}

absl::StatusOr<uint64_t> HashCheckpoint(FileSystem& files,
                                        const std::string& directory,
                                        uint64_t state) {
  GRAFT_ASSIGN_OR_RETURN(const std::string config,
                         ReadFile(files, JoinPath(directory, "config.json")));
  state = Fnv1a64(config, state);
  GRAFT_ASSIGN_OR_RETURN(const std::vector<std::string> paths,
                         ListCheckpointFiles(files, directory));
  for (const std::string& path : paths) {
    GRAFT_ASSIGN_OR_RETURN(const std::unique_ptr<MappedFile> weights,
                           files.Map(path));
    const absl::Span<const uint8_t> bytes = weights->bytes();
    const size_t size = std::min(bytes.size(), kEnds);
    state = Fnv1a64(absl::StrCat(bytes.size(), ","), state);
    state = Fnv1a64(bytes.first(size), state);
    state = Fnv1a64(bytes.last(size), state);
  }
  return state;
}

}  // namespace

absl::StatusOr<std::string> RunIdentity(const FinetuneOptions& options,
                                        const PreparedRun& run) {
  FileSystem& files = FileSystem::Posix();
  uint64_t state =
      Fnv1a64(absl::StrJoin(NormaliseArguments(run.compiler_arguments), "\n"));
  GRAFT_ASSIGN_OR_RETURN(const std::string parameters,
                         ReadSettings(files, options));
  state = Fnv1a64(parameters, state);
  GRAFT_ASSIGN_OR_RETURN(state, HashCheckpoint(files, options.model, state));
  for (const std::string& directory : FrozenModels(options)) {
    GRAFT_ASSIGN_OR_RETURN(state, HashCheckpoint(files, directory, state));
  }
  if (!options.strategy.file.empty()) {
    GRAFT_ASSIGN_OR_RETURN(const std::string text,
                           ReadFile(files, options.strategy.file));
    state = Fnv1a64(NormaliseStrategy(text), state);
  }
  const RunSettings& settings = options.training;
  state =
      Fnv1a64(absl::StrCat(settings.batch_size, ",", settings.shuffle, ",",
                           settings.seed, ",", settings.loss_scale.value_or(0)),
              state);
  const TableScan& train = run.train->scan();
  state = Fnv1a64(absl::StrCat(train.token_hash, ",", train.label_hash, ",",
                               absl::StrJoin(run.labels->labels(), "\n")),
                  state);
  return absl::StrFormat("%016x", state);
}

}  // namespace graft
