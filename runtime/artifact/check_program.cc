// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Checks host programs: blocks, indices, what each instruction takes.

#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "runtime/artifact/check.h"
#include "runtime/base/status_macros.h"

namespace graft {

bool IsLoop(HostOp op) {
  return op == HostOp::repeat || op == HostOp::for_each_batch ||
         op == HostOp::for_each_micro_batch;
}

bool DrawsBatch(HostOp op) {
  return op == HostOp::for_each_batch || op == HostOp::with_batch;
}

bool OpensBlock(HostOp op) {
  return op == HostOp::when || op == HostOp::with_batch ||
         op == HostOp::with_whole_batch || IsLoop(op);
}

size_t BlockEnd(const HostProgramSpec& program, size_t at) {
  size_t depth = 0;
  for (size_t i = at + 1; i < program.instructions.size(); ++i) {
    const HostOp op = program.instructions[i].op;
    if (OpensBlock(op)) ++depth;
    if (depth == 0 && (op == HostOp::end || op == HostOp::otherwise)) return i;
    if (op == HostOp::end) --depth;
  }
  return program.instructions.size();
}

namespace internal_artifact {
namespace {

constexpr size_t kMaxInstructions = 1 << 16;
constexpr size_t kMaxNesting = 32;

bool TakesExpression(HostOp op) {
  return op == HostOp::set || op == HostOp::when || op == HostOp::repeat ||
         DrawsBatch(op) || op == HostOp::call || op == HostOp::mark;
}

bool TakesAssignments(HostOp op) {
  return op == HostOp::call || op == HostOp::evaluate || op == HostOp::log ||
         op == HostOp::mark || op == HostOp::fail;
}

class ProgramChecker {
 public:
  ProgramChecker(const ArtifactSpec& spec, const HostProgramSpec& program,
                 absl::string_view where)
      : spec_(spec),
        program_(program),
        where_(where),
        in_batch_(spec.streams.size()),
        in_micro_batch_(spec.streams.size()),
        in_whole_batch_(spec.streams.size()) {}

  absl::Status Check() {
    const std::vector<HostInstruction>& instructions = program_.instructions;
    field_ = absl::StrCat(program_.name, ".instructions");
    if (instructions.size() > kMaxInstructions)
      return Error(absl::StrCat("at most ", kMaxInstructions),
                   instructions.size());
    for (size_t i = 0; i < instructions.size(); ++i) {
      field_ = absl::StrCat(program_.name, ".instructions[", i, "]");
      GRAFT_RETURN_IF_ERROR(CheckInstruction(instructions[i]));
    }
    if (open_.empty()) return absl::OkStatus();
    return Error("an end of each block", "none");
  }

 private:
  template <typename Found>
  absl::Status Error(absl::string_view expected, const Found& found) const {
    return FieldError(where_, field_, expected, found);
  }

  absl::Status CheckIndex(absl::string_view what, uint32_t index,
                          size_t count) const {
    if (index < count) return absl::OkStatus();
    return Error(absl::StrCat(what, " below ", count), index);
  }

  absl::Status CheckStream(uint32_t index) const {
    return CheckIndex("a stream", index, spec_.streams.size());
  }

  absl::Status CheckExpressionOf(const HostInstruction& instruction) const {
    return CheckExpression(spec_, program_.fields, in_batch_,
                           instruction.expression, where_, field_);
  }

  // Instructions write variables only: callers set the others.
  absl::Status CheckTarget(uint32_t target) const {
    GRAFT_RETURN_IF_ERROR(
        CheckIndex("a register", target, spec_.registers.size()));
    if (spec_.registers[target].kind == RegisterKind::variable)
      return absl::OkStatus();
    return Error("a variable to write", spec_.registers[target].name);
  }

  // A name that may be a part of a file's name.
  absl::Status CheckName(const std::string& name) const {
    const bool good =
        !name.empty() && name.size() <= 64 && absl::c_all_of(name, [](char c) {
          return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_';
        });
    if (good) return absl::OkStatus();
    return Error("a name of letters, digits and _", name.size());
  }

  // Nothing is there that nobody checks: readers follow all of it.
  absl::Status CheckParts(const HostInstruction& instruction) const {
    if (!instruction.expression.empty() && !TakesExpression(instruction.op))
      return Error("no expression", "one");
    if (!instruction.assignments.empty() && !TakesAssignments(instruction.op))
      return Error("no assignments", instruction.assignments.size());
    return absl::OkStatus();
  }

  absl::Status CheckInstruction(const HostInstruction& instruction) {
    GRAFT_RETURN_IF_ERROR(CheckParts(instruction));
    switch (instruction.op) {
      case HostOp::set:
        GRAFT_RETURN_IF_ERROR(CheckTarget(instruction.target));
        return CheckExpressionOf(instruction);
      case HostOp::when:
      case HostOp::repeat:
      case HostOp::for_each_batch:
      case HostOp::with_batch:
      case HostOp::for_each_micro_batch:
      case HostOp::with_whole_batch:
        return Open(instruction);
      case HostOp::otherwise:
        if (open_.empty() || open_.back()->op != HostOp::when ||
            branched_.back())
          return Error("an open `when` before `otherwise`", "none");
        branched_.back() = true;
        return absl::OkStatus();
      case HostOp::end:
        return Close();
      case HostOp::leave:
        if (absl::c_any_of(open_, [](const HostInstruction* opened) {
              return IsLoop(opened->op);
            }))
          return absl::OkStatus();
        return Error("a loop around `leave`", "none");
      case HostOp::call:
        return CheckCall(instruction);
      case HostOp::fill_cache:
        GRAFT_RETURN_IF_ERROR(
            CheckIndex("a cache", instruction.index, spec_.caches.size()));
        if (!spec_.caches[instruction.index].batch) return absl::OkStatus();
        return Error("a cache of all examples",
                     spec_.caches[instruction.index].name);
      case HostOp::evaluate:
        return CheckEvaluate(instruction);
      case HostOp::test_finite:
        GRAFT_RETURN_IF_ERROR(CheckTarget(instruction.target));
        return CheckState(instruction.text);
      case HostOp::reset:
        return CheckState(instruction.text);
      case HostOp::log:
        return CheckShown(instruction);
      case HostOp::keep:
      case HostOp::restore:
        return CheckName(instruction.text);
      case HostOp::mark:
        GRAFT_RETURN_IF_ERROR(CheckShown(instruction));
        return CheckExpressionOf(instruction);
      case HostOp::fail:
        if (instruction.text.empty()) return Error("a message", "nothing");
        return CheckShown(instruction);
    }
    return Error("a known instruction", static_cast<int>(instruction.op));
  }

  // Registers that people get to see, under names.
  absl::Status CheckShown(const HostInstruction& instruction) const {
    for (const AssignmentSpec& assignment : instruction.assignments) {
      GRAFT_RETURN_IF_ERROR(
          CheckIndex("a register", assignment.target, spec_.registers.size()));
      if (assignment.name.empty()) return Error("a name", "nothing");
    }
    return absl::OkStatus();
  }

  absl::Status CheckState(absl::string_view name) const {
    if (!name.empty()) return absl::OkStatus();
    return Error("the name of a state", "nothing");
  }

  absl::Status Open(const HostInstruction& instruction) {
    if (open_.size() == kMaxNesting)
      return Error(absl::StrCat("at most ", kMaxNesting, " nested blocks"),
                   "more");
    switch (instruction.op) {
      case HostOp::for_each_batch:
      case HostOp::with_batch:
        GRAFT_RETURN_IF_ERROR(CheckStream(instruction.index));
        if (in_batch_[instruction.index])
          return Error("no batch of a stream inside of another", "one");
        GRAFT_RETURN_IF_ERROR(CheckExpressionOf(instruction));
        in_batch_[instruction.index] = true;
        break;
      case HostOp::for_each_micro_batch:
        GRAFT_RETURN_IF_ERROR(CheckStream(instruction.index));
        if (!TakesOneBatch(instruction.index))
          return Error("a batch around a loop over its micro-batches", "none");
        in_micro_batch_[instruction.index] = true;
        break;
      case HostOp::with_whole_batch:
        GRAFT_RETURN_IF_ERROR(CheckStream(instruction.index));
        if (!TakesOneBatch(instruction.index))
          return Error("a batch around what takes it at once", "none");
        if (spec_.streams[instruction.index].batch < 0)
          return Error("a stream with a size of its whole batch",
                       spec_.streams[instruction.index].name);
        in_whole_batch_[instruction.index] = true;
        break;
      case HostOp::repeat:
        GRAFT_RETURN_IF_ERROR(CheckTarget(instruction.target));
        [[fallthrough]];
      default:
        GRAFT_RETURN_IF_ERROR(CheckExpressionOf(instruction));
    }
    open_.push_back(&instruction);
    branched_.push_back(false);
    return absl::OkStatus();
  }

  // Whether a batch of the stream is around, of which calls do not take
  // anything yet.
  bool TakesOneBatch(uint32_t stream) const {
    return in_batch_[stream] && !in_micro_batch_[stream] &&
           !in_whole_batch_[stream];
  }

  absl::Status Close() {
    if (open_.empty()) return Error("an open block before its end", "none");
    const HostInstruction& opened = *open_.back();
    if (DrawsBatch(opened.op)) in_batch_[opened.index] = false;
    if (opened.op == HostOp::for_each_micro_batch)
      in_micro_batch_[opened.index] = false;
    if (opened.op == HostOp::with_whole_batch)
      in_whole_batch_[opened.index] = false;
    open_.pop_back();
    branched_.pop_back();
    return absl::OkStatus();
  }

  absl::Status CheckCall(const HostInstruction& instruction) const {
    GRAFT_RETURN_IF_ERROR(
        CheckIndex("an entry", instruction.index, spec_.entries.size()));
    const EntrySpec& entry = spec_.entries[instruction.index];
    if (!instruction.expression.empty())
      GRAFT_RETURN_IF_ERROR(CheckExpressionOf(instruction));
    for (const ValueSpec& input : entry.inputs)
      GRAFT_RETURN_IF_ERROR(CheckBatchOf(input, entry));
    for (const AssignmentSpec& assignment : instruction.assignments) {
      GRAFT_RETURN_IF_ERROR(CheckTarget(assignment.target));
      const auto output =
          absl::c_find_if(entry.outputs, [&](const ValueSpec& value) {
            return value.name == assignment.name;
          });
      if (output == entry.outputs.end() || !output->dims.empty() ||
          output->dtype != DType::kF32)
        return Error(absl::StrCat("a scalar result of ", entry.name),
                     assignment.name);
    }
    return absl::OkStatus();
  }

  // What an input counts must be what is around the call.
  absl::Status CheckBatchOf(const ValueSpec& input,
                            const EntrySpec& entry) const {
    const std::optional<uint32_t> index = StreamOf(spec_, input);
    if (!index) return absl::OkStatus();
    const StreamSpec& stream = spec_.streams[*index];
    const bool whole = input.kind == ValueKind::tensor && stream.batch >= 0 &&
                       input.dims[0].size == stream.batch;
    if (whole ? in_whole_batch_[*index] : in_micro_batch_[*index])
      return absl::OkStatus();
    return Error(absl::StrCat(whole ? "a block with the whole batch of "
                                    : "a loop over micro-batches of ",
                              stream.name, " around the call of ", entry.name),
                 "none");
  }

  absl::Status CheckEvaluate(const HostInstruction& instruction) const {
    GRAFT_RETURN_IF_ERROR(
        CheckIndex("an entry", instruction.index, spec_.entries.size()));
    GRAFT_RETURN_IF_ERROR(CheckStream(instruction.stream));
    const EntrySpec& entry = spec_.entries[instruction.index];
    const StreamSpec& given = spec_.streams[instruction.stream];
    for (const uint32_t stream : StreamsOf(spec_, entry))
      if (spec_.streams[stream].tokens != given.tokens ||
          spec_.streams[stream].sequences != given.sequences)
        return Error(absl::StrCat("a stream like ", spec_.streams[stream].name,
                                  " for ", entry.name),
                     given.name);
    for (const AssignmentSpec& assignment : instruction.assignments) {
      GRAFT_RETURN_IF_ERROR(CheckTarget(assignment.target));
      if (assignment.name != "loss" && assignment.name != "score")
        return Error("loss or score of an evaluation", assignment.name);
    }
    return absl::OkStatus();
  }

  const ArtifactSpec& spec_;
  const HostProgramSpec& program_;
  const absl::string_view where_;
  std::string field_;  // the instruction that is checked
  // Blocks around it, and which of them have had their `otherwise`.
  std::vector<const HostInstruction*> open_;
  std::vector<bool> branched_;
  std::vector<bool> in_batch_, in_micro_batch_, in_whole_batch_;  // by stream
};

}  // namespace

absl::Status CheckHostProgram(const ArtifactSpec& spec,
                              const HostProgramSpec& program,
                              absl::string_view where) {
  return ProgramChecker(spec, program, where).Check();
}

}  // namespace internal_artifact
}  // namespace graft
