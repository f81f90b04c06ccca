// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "runtime/train/run_log.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

// More than any line of metrics.jsonl.
constexpr size_t kLineRoom = 512;
constexpr absl::string_view kStep = "step";
constexpr absl::string_view kNoGroup = "train";  // of tags without a group
constexpr absl::string_view kSpeedTag = "train/examples_per_second";

double Now() { return absl::ToUnixMicros(absl::Now()) * 1e-6; }

void AppendNumber(double value, std::string& line) {
  // JSON has no other numbers.
  if (std::isfinite(value))
    absl::StrAppendFormat(&line, "%.9g", value);
  else
    absl::StrAppend(&line, "null");
}

// Cuts the records of `path` to those in its first `bytes`; the size that is
// left.
absl::StatusOr<uint64_t> CutRecords(FileSystem& files, const std::string& path,
                                    uint64_t bytes) {
  if (!files.Exists(path)) return 0;
  GRAFT_ASSIGN_OR_RETURN(const std::string text, ReadFile(files, path));
  absl::string_view kept = absl::string_view(text).substr(0, bytes);
  // A line that a full disk or a lost write left unfinished.
  kept = kept.substr(0, kept.rfind('\n') + 1);
  if (kept.size() < text.size())
    GRAFT_RETURN_IF_ERROR(WriteFile(files, path, kept));
  return kept.size();
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunLog>> RunLog::Open(
    FileSystem& files, const std::string& directory,
    const HostProgramSpec& program, const LogStart& start) {
  auto log = std::make_unique<RunLog>();
  const std::string metrics = JoinPath(directory, "metrics.jsonl");
  GRAFT_ASSIGN_OR_RETURN(log->size_, CutRecords(files, metrics, start.bytes));
  GRAFT_ASSIGN_OR_RETURN(
      log->events_, EventFile::Create(files, directory, Now(), start.step + 1));
  GRAFT_ASSIGN_OR_RETURN(log->metrics_, files.OpenAppend(metrics));
  log->line_.reserve(kLineRoom);
  for (const HostInstruction& instruction : program.instructions) {
    if (instruction.op != HostOp::log) continue;
    Names names{&instruction, {}};
    const absl::string_view group =
        instruction.text.empty() ? kNoGroup : instruction.text;
    for (const AssignmentSpec& value : instruction.assignments)
      if (value.name != kStep)
        names.tags.push_back(absl::StrCat(group, "/", value.name));
    log->scalars_.reserve(names.tags.size() + 1);
    log->names_.push_back(std::move(names));
  }
  return log;
}

const RunLog::Names& RunLog::NamesOf(const HostInstruction& instruction) {
  for (const Names& names : names_)
    if (names.instruction == &instruction) return names;
  return names_.front();
}

absl::Status RunLog::Write(const HostInstruction& instruction,
                           absl::Span<const double> registers,
                           const RunSpeed& speed) {
  const Names& names = NamesOf(instruction);
  double step = 0;
  scalars_.clear();
  line_.assign("{");
  for (const AssignmentSpec& value : instruction.assignments) {
    const double number = registers[value.target];
    absl::StrAppend(&line_, line_.size() > 1 ? ",\"" : "\"");
    if (value.name == kStep) {
      step = number;
    } else {
      if (!instruction.text.empty())
        absl::StrAppend(&line_, instruction.text, "_");
      scalars_.emplace_back(names.tags[scalars_.size()],
                            static_cast<float>(number));
    }
    absl::StrAppend(&line_, value.name, "\":");
    AppendNumber(number, line_);
  }
  if (instruction.text.empty()) {
    absl::StrAppendFormat(&line_,
                          ",\"examples_per_second\":%.4g,"
                          "\"share_waited\":%.3g",
                          speed.examples_per_second, speed.share_waited);
    scalars_.emplace_back(kSpeedTag,
                          static_cast<float>(speed.examples_per_second));
  }
  absl::StrAppend(&line_, "}\n");
  GRAFT_RETURN_IF_ERROR(
      events_->Write(Now(), static_cast<int64_t>(step), scalars_));
  GRAFT_RETURN_IF_ERROR(metrics_->Append(line_));
  size_ += line_.size();
  return metrics_->Flush();
}

}  // namespace graft
