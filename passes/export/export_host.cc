// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/export/export_host.h"

#include "absl/strings/str_cat.h"
#include "dialects/exec/exec_host.h"
#include "dialects/exec/host_expression.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/TypeSwitch.h"
#include "runtime/base/status_macros.h"

using namespace mlir;

namespace graft {
namespace {

// The dialect's enumerations are in the order of the schema's.
static_assert(static_cast<int>(exec::ExpressionOp::kSum) ==
              static_cast<int>(ExpressionOp::sum));
static_assert(static_cast<int>(exec::ExpressionOp::kModulo) ==
              static_cast<int>(ExpressionOp::modulo));
static_assert(static_cast<int>(exec::ExpressionOp::kRound) ==
              static_cast<int>(ExpressionOp::round));
static_assert(static_cast<int>(exec::ExpressionOp::kTaskRows) ==
              static_cast<int>(ExpressionOp::task_rows));
static_assert(static_cast<int>(exec::RegisterKind::option) ==
              static_cast<int>(RegisterKind::option));
static_assert(static_cast<int>(exec::SourceKind::kRegister) ==
              static_cast<int>(SourceKind::scalar));

using Indices = llvm::StringMap<uint32_t>;

class HostExporter {
 public:
  HostExporter(ModuleOp module, ArtifactSpec& spec)
      : module(module), spec(spec) {
    for (size_t i = 0; i < spec.sizes.size(); ++i)
      sizes[spec.sizes[i].name] = i;
    for (size_t i = 0; i < spec.entries.size(); ++i)
      entries[spec.entries[i].name] = i;
  }

  absl::Status run() {
    for (auto host : module.getOps<exec::HostOp>()) {
      GRAFT_RETURN_IF_ERROR(readStreams(host));
      GRAFT_RETURN_IF_ERROR(readCaches(host));
      GRAFT_RETURN_IF_ERROR(readRegisters(host));
      for (auto setting : host.getOps<exec::SettingOp>())
        spec.parameters.push_back({setting.getName().str(),
                                   setting.getValue().str(),
                                   setting.getMeaning().value_or("").str()});
      GRAFT_RETURN_IF_ERROR(readProgram(host));
    }
    for (auto program : module.getOps<exec::ProgramOp>())
      GRAFT_RETURN_IF_ERROR(readSources(program));
    return absl::OkStatus();
  }

 private:
  // The index of a name, with what it is for messages.
  absl::StatusOr<uint32_t> find(const Indices& indices, StringRef what,
                                StringRef name) {
    auto found = indices.find(name);
    if (found != indices.end()) return found->second;
    return absl::InvalidArgumentError(
        absl::StrCat("expects a ", what.str(), ", got ", name.str()));
  }
  absl::Status add(Indices& indices, StringRef name, size_t index) {
    if (indices.try_emplace(name, index).second) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "host programs: expects each name once, got ", name.str(), " twice"));
  }

  absl::Status readStreams(exec::HostOp host);
  absl::Status readCaches(exec::HostOp host);
  absl::Status readRegisters(exec::HostOp host);
  absl::Status readSources(exec::ProgramOp program);
  absl::Status readProgram(exec::HostOp host);
  absl::Status readBlock(Block& block, HostProgramSpec& program);
  absl::Status readInstruction(Operation& op, HostProgramSpec& program);
  // Adds `instruction`, the body of an op and its end.
  absl::Status readBody(HostInstruction instruction, Region& body,
                        HostProgramSpec& program);
  absl::Status readWhen(exec::WhenOp op, HostProgramSpec& program);
  absl::StatusOr<HostInstruction> makeInstruction(Operation& op,
                                                  HostProgramSpec& program);
  absl::StatusOr<Expression> readExpression(StringRef text,
                                            HostProgramSpec& program);
  absl::StatusOr<std::vector<AssignmentSpec>> readAssignments(
      ArrayAttr assignments);

  ModuleOp module;
  ArtifactSpec& spec;
  Indices sizes, entries, streams, caches, registers;
};

absl::Status HostExporter::readStreams(exec::HostOp host) {
  for (auto stream : host.getOps<exec::StreamOp>()) {
    GRAFT_RETURN_IF_ERROR(
        add(streams, stream.getSymName(), spec.streams.size()));
    StreamSpec& to = spec.streams.emplace_back();
    to.name = stream.getSymName().str();
    if (auto size = stream.getTokens()) {
      GRAFT_ASSIGN_OR_RETURN(to.tokens, find(sizes, "graft.size", *size));
    }
    if (auto size = stream.getSequences()) {
      GRAFT_ASSIGN_OR_RETURN(to.sequences, find(sizes, "graft.size", *size));
    }
    if (auto size = stream.getBatch()) {
      GRAFT_ASSIGN_OR_RETURN(to.batch, find(sizes, "graft.size", *size));
    }
  }
  return absl::OkStatus();
}

absl::Status HostExporter::readCaches(exec::HostOp host) {
  for (auto cache : host.getOps<exec::CacheOp>()) {
    GRAFT_RETURN_IF_ERROR(add(caches, cache.getSymName(), spec.caches.size()));
    CacheSpec& to = spec.caches.emplace_back();
    to.name = cache.getSymName().str();
    GRAFT_ASSIGN_OR_RETURN(to.stream,
                           find(streams, "stream", cache.getStream()));
    GRAFT_ASSIGN_OR_RETURN(to.entry, find(entries, "entry", cache.getEntry()));
    to.output = cache.getOutput();
    to.batch = cache.getBatch();
    to.key = cache.getKey().value_or("").str();
  }
  return absl::OkStatus();
}

absl::Status HostExporter::readRegisters(exec::HostOp host) {
  for (auto op : host.getOps<exec::RegisterOp>()) {
    GRAFT_RETURN_IF_ERROR(
        add(registers, op.getSymName(), spec.registers.size()));
    RegisterSpec& to = spec.registers.emplace_back();
    to.name = op.getSymName().str();
    to.kind = static_cast<RegisterKind>(op.getKind());
    to.initial = op.getInitial().convertToDouble();
    if (op.getMinimum()) to.minimum = op.getMinimum()->convertToDouble();
    if (op.getMaximum()) to.maximum = op.getMaximum()->convertToDouble();
    to.meaning = op.getMeaning().value_or("").str();
  }
  return absl::OkStatus();
}

absl::Status HostExporter::readSources(exec::ProgramOp program) {
  GRAFT_ASSIGN_OR_RETURN(uint32_t entry,
                         find(entries, "entry", program.getSymName()));
  for (auto [source, input] :
       llvm::zip(program.getSources().getAsRange<exec::SourceAttr>(),
                 spec.entries[entry].inputs)) {
    input.source = static_cast<SourceKind>(source.getKind());
    if (source.isCaller()) continue;
    const Indices& indices = input.source == SourceKind::stream  ? streams
                             : input.source == SourceKind::cache ? caches
                                                                 : registers;
    GRAFT_ASSIGN_OR_RETURN(
        input.source_index,
        find(indices, exec::stringifySource(source.getKind()),
             source.getSymbol().getValue()));
    if (source.getField()) input.field = source.getField().str();
  }
  return absl::OkStatus();
}

absl::Status HostExporter::readProgram(exec::HostOp host) {
  HostProgramSpec program;
  program.name = host.getSymName().str();
  GRAFT_RETURN_IF_ERROR(readBlock(host.getBody().front(), program));
  // Streams alone make no program.
  if (!program.instructions.empty())
    spec.host_programs.push_back(std::move(program));
  return absl::OkStatus();
}

absl::Status HostExporter::readBlock(Block& block, HostProgramSpec& program) {
  for (Operation& op : block)
    GRAFT_RETURN_IF_ERROR(readInstruction(op, program));
  return absl::OkStatus();
}

absl::Status HostExporter::readInstruction(Operation& op,
                                           HostProgramSpec& program) {
  if (isa<exec::StreamOp, exec::CacheOp, exec::RegisterOp, exec::SettingOp>(op))
    return absl::OkStatus();
  if (auto when = dyn_cast<exec::WhenOp>(op)) return readWhen(when, program);
  GRAFT_ASSIGN_OR_RETURN(HostInstruction instruction,
                         makeInstruction(op, program));
  if (op.getNumRegions() == 1)
    return readBody(std::move(instruction), op.getRegion(0), program);
  program.instructions.push_back(std::move(instruction));
  return absl::OkStatus();
}

absl::Status HostExporter::readBody(HostInstruction instruction, Region& body,
                                    HostProgramSpec& program) {
  program.instructions.push_back(std::move(instruction));
  GRAFT_RETURN_IF_ERROR(readBlock(body.front(), program));
  program.instructions.emplace_back().op = HostOp::end;
  return absl::OkStatus();
}

absl::Status HostExporter::readWhen(exec::WhenOp op, HostProgramSpec& program) {
  HostInstruction when;
  when.op = HostOp::when;
  GRAFT_ASSIGN_OR_RETURN(when.expression,
                         readExpression(op.getExpression(), program));
  program.instructions.push_back(std::move(when));
  GRAFT_RETURN_IF_ERROR(readBlock(op.getBody().front(), program));
  if (!op.getOtherwise().empty()) {
    program.instructions.emplace_back().op = HostOp::otherwise;
    GRAFT_RETURN_IF_ERROR(readBlock(op.getOtherwise().front(), program));
  }
  program.instructions.emplace_back().op = HostOp::end;
  return absl::OkStatus();
}

static HostOp kindOf(Operation& op) {
  return llvm::TypeSwitch<Operation*, HostOp>(&op)
      .Case([](exec::SetOp) { return HostOp::set; })
      .Case([](exec::RepeatOp) { return HostOp::repeat; })
      .Case([](exec::ForEachBatchOp) { return HostOp::for_each_batch; })
      .Case([](exec::WithBatchOp) { return HostOp::with_batch; })
      .Case([](exec::ForEachMicroBatchOp) {
        return HostOp::for_each_micro_batch;
      })
      .Case([](exec::WithWholeBatchOp) { return HostOp::with_whole_batch; })
      .Case([](exec::LeaveOp) { return HostOp::leave; })
      .Case([](exec::CallOp) { return HostOp::call; })
      .Case([](exec::FillCacheOp) { return HostOp::fill_cache; })
      .Case([](exec::EvaluateOp) { return HostOp::evaluate; })
      .Case([](exec::TestFiniteOp) { return HostOp::test_finite; })
      .Case([](exec::ResetOp) { return HostOp::reset; })
      .Case([](exec::LogOp) { return HostOp::log; })
      .Case([](exec::KeepOp) { return HostOp::keep; })
      .Case([](exec::RestoreOp) { return HostOp::restore; })
      .Case([](exec::MarkOp) { return HostOp::mark; })
      .Case([](exec::FailOp) { return HostOp::fail; });
}

// The instruction of an op, without what is inside of it.
absl::StatusOr<HostInstruction> HostExporter::makeInstruction(
    Operation& op, HostProgramSpec& program) {
  HostInstruction to;
  to.op = kindOf(op);
  // Attributes of one name mean the same in all ops.
  auto get = [&](StringRef name) {
    auto symbol = op.getAttrOfType<FlatSymbolRefAttr>(name);
    return symbol ? symbol.getValue() : StringRef();
  };
  if (StringRef name = get("stream"); !name.empty()) {
    GRAFT_ASSIGN_OR_RETURN(uint32_t index, find(streams, "stream", name));
    (to.op == HostOp::evaluate ? to.stream : to.index) = index;
  }
  if (StringRef name = get("entry"); !name.empty()) {
    GRAFT_ASSIGN_OR_RETURN(to.index, find(entries, "entry", name));
  }
  if (StringRef name = get("cache"); !name.empty()) {
    GRAFT_ASSIGN_OR_RETURN(to.index, find(caches, "cache", name));
  }
  if (StringRef name = get("target"); !name.empty()) {
    GRAFT_ASSIGN_OR_RETURN(to.target, find(registers, "register", name));
  }
  if (auto text = op.getAttrOfType<StringAttr>("expression")) {
    GRAFT_ASSIGN_OR_RETURN(to.expression, readExpression(text, program));
  }
  if (auto assignments = op.getAttrOfType<ArrayAttr>("assignments")) {
    GRAFT_ASSIGN_OR_RETURN(to.assignments, readAssignments(assignments));
  }
  for (StringRef name : {"state", "group", "name", "message", "whole"})
    if (auto text = op.getAttrOfType<StringAttr>(name)) to.text = text.str();
  return to;
}

absl::StatusOr<std::vector<AssignmentSpec>> HostExporter::readAssignments(
    ArrayAttr assignments) {
  std::vector<AssignmentSpec> list;
  for (auto assignment : assignments.getAsRange<exec::AssignmentAttr>()) {
    AssignmentSpec& to = list.emplace_back();
    to.name = assignment.getName().str();
    to.add = assignment.getAdd();
    GRAFT_ASSIGN_OR_RETURN(to.target, find(registers, "register",
                                           assignment.getTarget().getValue()));
  }
  return list;
}

// The index of a field of the program, which gets it if it is new; -1 for none.
static int32_t fieldIndex(StringRef name, HostProgramSpec& program) {
  if (name.empty()) return -1;
  auto found = llvm::find(program.fields, name);
  if (found == program.fields.end()) program.fields.push_back(name.str());
  return static_cast<int32_t>(llvm::find(program.fields, name) -
                              program.fields.begin());
}

absl::StatusOr<Expression> HostExporter::readExpression(
    StringRef text, HostProgramSpec& program) {
  exec::ParsedExpression parsed = exec::parseExpression(text);
  if (!parsed) return absl::InvalidArgumentError(parsed.error);
  Expression expression;
  for (const exec::ExpressionStep& step : parsed.steps) {
    ExpressionStep& to = expression.emplace_back();
    to.op = static_cast<ExpressionOp>(step.op);
    to.value = step.value;
    to.field = fieldIndex(step.field, program);
    to.mask = fieldIndex(step.mask, program);
    if (step.name.empty()) continue;
    bool load = step.op == exec::ExpressionOp::kLoad;
    GRAFT_ASSIGN_OR_RETURN(
        to.index, find(load ? registers : streams, load ? "register" : "stream",
                       step.name));
  }
  return expression;
}

}  // namespace

absl::Status exportHost(ModuleOp module, ArtifactSpec& spec) {
  return HostExporter(module, spec).run();
}

}  // namespace graft
