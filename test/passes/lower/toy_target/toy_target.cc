// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The target "toy": elementwise ops of f32, alone, in regions and behind a
// GEMM, become loops over single elements; this machine's CPU target lowers
// everything else, and compiles all kernels.

#include <cmath>
#include <numbers>

#include "dialects/graft/graft_dialect.h"
#include "dialects/graft/graft_ops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "passes/lower/target.h"
#include "passes/plugin.h"

using namespace mlir;

namespace {

// One kernel: `ops` in order, on tensors of one shape.
struct Program {
  SmallVector<Value> inputs;    // as the ops name them
  SmallVector<Value> operands;  // of the launch, for the inputs
  SmallVector<Operation*> ops;
  SmallVector<Value> outputs;
};

bool isToyOp(Operation& op) {
  auto isF32 = [](Type type) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    return tensor && tensor.getElementType().isF32();
  };
  if (!llvm::all_of(op.getOperandTypes(), isF32) ||
      !llvm::all_of(op.getResultTypes(), isF32))
    return false;
  if (auto gelu = dyn_cast<graft::GeluOp>(op))
    return gelu.getForm() == graft::GeluForm::erf;
  if (auto gelu = dyn_cast<graft::GeluGradientOp>(op))
    return gelu.getForm() == graft::GeluForm::erf;
  return isa<graft::AddOp, graft::SubOp, graft::MulOp, graft::DivOp,
             graft::TanhOp>(op);
}

// One element of the result of `op`, from those of its operands.
Value emitElement(OpBuilder& b, Location loc, Operation* op, ValueRange x) {
  auto constant = [&](double value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getF32FloatAttr(value));
  };
  auto mul = [&](Value a, Value c) -> Value {
    return arith::MulFOp::create(b, loc, a, c);
  };
  // The normal distribution's cumulative function at z.
  auto cumulative = [&](Value z) {
    Value erf =
        math::ErfOp::create(b, loc, mul(z, constant(1 / std::numbers::sqrt2)));
    return mul(constant(0.5), arith::AddFOp::create(b, loc, erf, constant(1)));
  };
  if (isa<graft::AddOp>(op)) return arith::AddFOp::create(b, loc, x[0], x[1]);
  if (isa<graft::SubOp>(op)) return arith::SubFOp::create(b, loc, x[0], x[1]);
  if (isa<graft::MulOp>(op)) return mul(x[0], x[1]);
  if (isa<graft::DivOp>(op)) return arith::DivFOp::create(b, loc, x[0], x[1]);
  if (isa<graft::TanhOp>(op)) return math::TanhOp::create(b, loc, x[0]);
  if (isa<graft::GeluOp>(op)) return mul(x[0], cumulative(x[0]));
  Value square = mul(mul(x[1], x[1]), constant(-0.5));
  Value density = mul(math::ExpOp::create(b, loc, square),
                      constant(1 / std::sqrt(2 * std::numbers::pi)));
  return mul(x[0], arith::AddFOp::create(b, loc, cumulative(x[1]),
                                         mul(x[1], density)));
}

// Work items are rows: positions of the first dimension.
graft::exec::GridAttr getGrid(RankedTensorType type) {
  MLIRContext* context = type.getContext();
  if (type.getRank() == 0)
    return graft::exec::GridAttr::get(context, StringAttr(), 1, 1);
  if (!type.isDynamicDim(0))
    return graft::exec::GridAttr::get(context, StringAttr(), 1,
                                      type.getDimSize(0));
  auto dims = cast<graft::DimsAttr>(type.getEncoding());
  return graft::exec::GridAttr::get(context, dims.getNames().front(), 1, 1);
}

// Loops over the elements of rows [begin, end).
void emitLoops(OpBuilder& b, Location loc, const Program& program,
               const graft::KernelArguments& arguments) {
  auto type = cast<RankedTensorType>(program.outputs.front().getType());
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  Value buffer = arguments.buffers.front();
  SmallVector<Value> indices;
  Value lower = arguments.begin, upper = arguments.end;
  for (int64_t dim = 0; dim < std::max<int64_t>(1, type.getRank()); ++dim) {
    if (dim > 0) {
      lower = zero;
      upper = memref::DimOp::create(b, loc, buffer, dim);
    }
    auto loop = scf::ForOp::create(b, loc, lower, upper, one);
    b.setInsertionPointToStart(loop.getBody());
    if (type.getRank() > 0) indices.push_back(loop.getInductionVar());
  }
  IRMapping values;
  for (auto [index, input] : llvm::enumerate(program.inputs))
    values.map(input, memref::LoadOp::create(b, loc, arguments.buffers[index],
                                             indices));
  for (Operation* op : program.ops) {
    SmallVector<Value> elements;
    for (Value operand : op->getOperands())
      elements.push_back(values.lookup(operand));
    values.map(op->getResult(0), emitElement(b, loc, op, elements));
  }
  for (auto [index, output] : llvm::enumerate(program.outputs))
    memref::StoreOp::create(b, loc, values.lookup(output),
                            arguments.buffers[program.inputs.size() + index],
                            indices);
}

ValueRange launch(Operation* op, OpBuilder& builder,
                  graft::KernelContext& context, const Program& program) {
  std::string stem = "toy";
  for (Operation* inner : program.ops)
    stem += ("_" + inner->getName().stripDialect()).str();
  auto type = cast<RankedTensorType>(program.outputs.front().getType());
  return context.launch(
      builder, op, stem, program.operands,
      ValueRange(program.outputs).getTypes(), getGrid(type), /*ties=*/{},
      [&](OpBuilder& b, Location loc, const graft::KernelArguments& arguments) {
        emitLoops(b, loc, program, arguments);
      });
}

class ToyTarget : public graft::Target {
 public:
  explicit ToyTarget(const graft::Target& host) : Target("toy"), host(host) {}

  StringRef getLevel() const override { return host.getLevel(); }
  StringRef getTriple() const override { return host.getTriple(); }

  LogicalResult lower(Operation* op, OpBuilder& builder,
                      graft::KernelContext& context) const override {
    if (auto region = dyn_cast<graft::RegionOp>(op))
      return lowerRegion(region, builder, context);
    if (!isToyOp(*op)) return host.lower(op, builder, context);
    Program program;
    for (Value operand : op->getOperands())
      if (!llvm::is_contained(program.inputs, operand))
        program.inputs.push_back(operand);
    program.operands = program.inputs;
    program.ops = {op};
    program.outputs = {op->getResult(0)};
    op->replaceAllUsesWith(launch(op, builder, context, program));
    op->erase();
    return success();
  }

  bool isAbsorbed(Operation* op,
                  const graft::KernelContext& context) const override {
    return host.isAbsorbed(op, context);
  }

  FailureOr<graft::KernelCode> compile(
      graft::exec::KernelsOp kernels, StringRef cacheDirectory) const override {
    return host.compile(kernels, cacheDirectory);
  }

 private:
  // A region of toy ops, perhaps behind a GEMM, which is lowered by itself.
  LogicalResult lowerRegion(graft::RegionOp region, OpBuilder& builder,
                            graft::KernelContext& context) const {
    Block& body = region.getBody().front();
    auto rest = llvm::make_pointer_range(body.without_terminator());
    SmallVector<Operation*> ops(rest.begin(), rest.end());
    Operation* gemm = nullptr;
    if (!ops.empty() && isa<graft::LinearOp, graft::MatmulOp>(ops.front())) {
      gemm = ops.front();
      ops.erase(ops.begin());
    }
    if (ops.empty() || region.getNumResults() == 0 ||
        !llvm::all_of(ops, [](Operation* op) { return isToyOp(*op); }))
      return host.lower(region, builder, context);

    IRMapping outside;
    for (auto [argument, input] :
         llvm::zip_equal(body.getArguments(), region.getInputs()))
      outside.map(argument, input);
    Operation* alone = gemm ? builder.clone(*gemm, outside) : nullptr;

    Program program;
    program.ops = ops;
    auto addInput = [&](Value input) {
      if (llvm::is_contained(program.inputs, input) ||
          llvm::is_contained(ops, input.getDefiningOp()))
        return;
      program.inputs.push_back(input);
      program.operands.push_back(outside.lookup(input));
    };
    for (Operation* op : ops) llvm::for_each(op->getOperands(), addInput);
    Operation* yield = body.getTerminator();
    for (Value value : yield->getOperands())
      if (llvm::is_contained(ops, value.getDefiningOp()))
        program.outputs.push_back(value);
    ValueRange results = launch(region, builder, context, program);
    size_t next = 0;
    for (auto [result, value] :
         llvm::zip_equal(region.getResults(), yield->getOperands()))
      result.replaceAllUsesWith(llvm::is_contained(ops, value.getDefiningOp())
                                    ? results[next++]
                                    : outside.lookup(value));
    region.erase();
    if (!alone) return success();
    builder.setInsertionPoint(alone);
    return host.lower(alone, builder, context);
  }

  const graft::Target& host;
};

}  // namespace

extern "C" const graft::Plugin* graftGetPlugin() {
  static constexpr graft::Plugin plugin = {
      graft::kPluginApiVersion,
      "toy",
      /*registerDialects=*/nullptr,
      /*registerPasses=*/nullptr,
      /*registerFamilies=*/nullptr,
      [] {
        return graft::registerTarget(
            std::make_unique<ToyTarget>(graft::getHostTarget()));
      }};
  return &plugin;
}
