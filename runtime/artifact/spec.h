// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The content of an artifact as plain structs: what a reader hands out and a
// writer takes. runtime/schema/artifact.fbs says what each field means; fields
// of the same name mean the same here.

#ifndef GRAFT_RUNTIME_ARTIFACT_SPEC_H_
#define GRAFT_RUNTIME_ARTIFACT_SPEC_H_

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "runtime/formats/dtype.h"
#include "runtime/schema/artifact_generated.h"
#include "runtime/schema/kernel_abi.h"

namespace graft {

using schema::CommandKind;
using schema::ExpressionOp;
using schema::HostOp;
using schema::Place;
using schema::RegisterKind;
using schema::SourceKind;
using schema::ValueKind;

struct SizeSpec {
  std::string name;
  int64_t bound = 0;
};

// `extent`, or the value of a named size when size >= 0.
struct DimSpec {
  int32_t size = -1;
  int64_t extent = 0;
};

struct SlotSpec {
  std::string model;
  std::string name;
  std::string state;  // empty: a parameter
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  int32_t parameter = -1;
  bool trainable = false;
  std::string group;
  uint64_t data_offset = 0;  // set by the writer
  std::string initial;       // empty: from a checkpoint, or zeros of a state
  float deviation = 0;
  bool added = false;

  bool is_parameter() const { return state.empty(); }
};

// `base` stands for base + scale * left right where weights are exported, with
// rows of the lengths `norms`, if there are any.
struct MergeSpec {
  uint32_t base = 0, left = 0, right = 0;  // slots
  float scale = 0;
  int32_t norms = -1;  // slot
};

struct ValueSpec {
  std::string name;
  ValueKind kind = ValueKind::tensor;
  DType dtype = DType::kF32;
  std::vector<DimSpec> dims;
  int32_t tokens = -1;
  int32_t sequences = -1;
  int64_t limit = 0;
  int64_t exception = 0;
  SourceKind source = SourceKind::caller;
  uint32_t source_index = 0;
  std::string field;
};

struct StreamSpec {
  std::string name;
  int32_t tokens = -1;
  int32_t sequences = -1;
  int32_t batch = -1;
};

struct CacheSpec {
  std::string name;
  uint32_t stream = 0;
  uint32_t entry = 0;
  uint32_t output = 0;
  bool batch = false;
  std::string key;  // of what is computed; empty for rows of a batch
};

struct EntrySpec {
  std::string name;
  std::vector<ValueSpec> inputs;
  std::vector<ValueSpec> outputs;
  uint32_t phase = 0;
};

struct BufferSpec {
  Place place = Place::arena;
  uint8_t part = 0;
  uint32_t index = 0;
  uint64_t offset = 0;
  uint64_t bytes = 0;
  bool operator==(const BufferSpec&) const = default;
};

struct GridSpec {
  int32_t size = -1;
  int64_t block = 1;
  int64_t count = 1;
};

struct CostTermSpec {
  uint64_t coefficient = 0;
  int32_t first = -1, second = -1;  // indices of sizes
  bool squares = false;
  bool operator==(const CostTermSpec&) const = default;
};

struct CommandSpec {
  CommandKind kind = CommandKind::kernel;
  uint32_t kernel = 0;
  std::vector<uint32_t> buffers;
  uint32_t results = 0;
  GridSpec grid;
  uint32_t pattern = 0;
  uint64_t random = 0;  // draw << 32 | op id of a kernel's random draws
  std::string label;
  std::vector<CostTermSpec> flops, bytes;
  std::string unit;
  uint8_t unit_count = 0;
};

struct ProgramSpec {
  uint64_t arena_bytes = 0;
  uint64_t live_bytes = 0;
  std::vector<BufferSpec> buffers;
  std::vector<CommandSpec> commands;
  uint32_t prologue = 0;
};

struct KernelSpec {
  std::string name;
  std::string symbol;
};

// A bound of the arenas, and the estimated time of a training step with it by
// that without one.
struct MemoryChoiceSpec {
  uint64_t arena_bytes = 0;
  double time = 1;
  bool operator==(const MemoryChoiceSpec&) const = default;
};

struct TargetSpec {
  std::string level;
  std::string triple;
  absl::Span<const uint8_t> code;  // borrowed
  std::vector<KernelSpec> kernels;
  std::vector<ProgramSpec> programs;  // one an entry
  std::vector<MemoryChoiceSpec> choices;
  std::string kind = "cpu";    // of the device
  std::string format = "elf";  // of `code`
};

struct RegisterSpec {
  std::string name;
  RegisterKind kind = RegisterKind::variable;
  double initial = 0;
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  std::string meaning;
};

struct ExpressionStep {
  ExpressionOp op = ExpressionOp::constant;
  uint32_t index = 0;
  int32_t field = -1;
  int32_t mask = -1;
  double value = 0;
};
using Expression = std::vector<ExpressionStep>;

struct AssignmentSpec {
  std::string name;
  uint32_t target = 0;
  bool add = false;
};

struct HostInstruction {
  HostOp op = HostOp::set;
  uint32_t index = 0;
  uint32_t stream = 0;
  uint32_t target = 0;
  Expression expression;
  std::vector<AssignmentSpec> assignments;
  std::string text;
};

struct HostProgramSpec {
  std::string name;
  std::vector<std::string> fields;
  std::vector<HostInstruction> instructions;
};

struct ParameterSpec {
  std::string name;
  std::string value;
  std::string meaning;
};

struct TokenizerSpec {
  std::string kind = "wordpiece";
  absl::Span<const uint8_t> data;  // borrowed
};

// The output that a head explains; of several heads of an entry this, a dot and
// the name of the head.
inline constexpr absl::string_view kLogits = "logits";

struct HeadSpec {
  std::string name;
  std::string task;
  std::vector<std::string> labels;
  std::string entry = "predict";
};

struct DataSettingsSpec {
  std::string format;
  std::string text_column, pair_column, label_column, weight_column;
  int64_t max_length = 0;
  std::vector<std::string> feature_columns;
};

struct ArtifactSpec {
  uint32_t kernel_abi = GRAFT_KERNEL_ABI_VERSION;
  std::vector<SizeSpec> sizes;
  std::vector<SlotSpec> slots;
  std::vector<MergeSpec> merges;
  std::vector<EntrySpec> entries;
  std::vector<TargetSpec> targets;
  std::vector<StreamSpec> streams;
  std::vector<CacheSpec> caches;
  std::vector<RegisterSpec> registers;
  std::vector<HostProgramSpec> host_programs;
  std::vector<ParameterSpec> parameters;
  std::optional<TokenizerSpec> tokenizer;
  std::vector<HeadSpec> heads;
  std::optional<DataSettingsSpec> data;
  std::string config;
  std::vector<std::pair<std::string, std::string>> provenance;
};

// Bytes of a slot. The spec must have passed CheckSpec, here and below.
uint64_t SlotBytes(const SlotSpec& slot);
// Bytes at the bounds of the sizes, of a tensor or of one part of segments.
uint64_t BoundBytes(const ValueSpec& value, int part,
                    const std::vector<SizeSpec>& sizes);

// Numbers that an expression holds at once, at most.
inline constexpr size_t kMaxExpressionStack = 32;
// Operands that a step of an expression takes.
int OperandCount(ExpressionOp op);

// Whether an instruction opens a block that an `end` closes.
bool OpensBlock(HostOp op);
bool IsLoop(HostOp op);
// Whether that block has a batch of a stream.
bool DrawsBatch(HostOp op);
// Index of the `otherwise` or `end` that belongs to the block of instruction
// `at`, which opens one or is its `otherwise`.
size_t BlockEnd(const HostProgramSpec& program, size_t at);

// The stream that an input takes a field or rows of; none if it takes none.
std::optional<uint32_t> StreamOf(const ArtifactSpec& spec,
                                 const ValueSpec& input);
// The streams that inputs of the entry take fields of, each once, in order.
std::vector<uint32_t> StreamsOf(const ArtifactSpec& spec,
                                const EntrySpec& entry);

// The entries that predict, each once, in order: those that the heads explain,
// or "predict", if there is such an entry.
std::vector<size_t> PredictionEntries(const ArtifactSpec& spec);
// The name that users give the head: "first" of the entry "predict_first"; of
// the output "logits.first" of "predict"; empty of "logits" of "predict".
absl::string_view HeadName(const HeadSpec& head);

// Numbers of a cache for each example.
int64_t CacheWidth(const ArtifactSpec& spec, const CacheSpec& cache);

// The element types that artifacts know: F32, F16, BF16, I32 and BOOL.
std::optional<schema::ElementType> ElementTypeOf(DType dtype);

// Whether every index, offset, size and type in `spec` is in its range and
// fits the others, so that a runtime may follow them unchecked.
// INVALID_ARGUMENT begins with `where` and names the field, what was expected
// and what was found.
absl::Status CheckSpec(const ArtifactSpec& spec, absl::string_view where);

}  // namespace graft

#endif  // GRAFT_RUNTIME_ARTIFACT_SPEC_H_
