// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/lower/passes.h"
#include "runtime/schema/kernel_abi.h"

using namespace mlir;

namespace graft {

#define GEN_PASS_DEF_LOWERKERNELENTRYPASS
#include "passes/lower/passes.h.inc"

namespace {

// Rewrites one kernel; see GraftKernel for the arguments' meaning.
class EntryBuilder {
 public:
  EntryBuilder(func::FuncOp kernel, ArrayRef<std::string> sizes)
      : kernel(kernel),
        sizes(sizes),
        converter(kernel.getContext()),
        builder(kernel),
        loc(kernel.getLoc()) {}

  LogicalResult build() {
    if (kernel.isExternal() || !kernel.getResultTypes().empty())
      return kernel.emitError("expects a kernel with a body and no results");
    auto pointer = LLVM::LLVMPointerType::get(kernel.getContext());
    Type i64 = builder.getI64Type();
    auto entry = LLVM::LLVMFuncOp::create(
        builder, loc, kernel.getName(),
        LLVM::LLVMFunctionType::get(
            LLVM::LLVMVoidType::get(kernel.getContext()),
            {pointer, pointer, pointer, i64, i64}));
    Block* prologue = entry.addEntryBlock(builder);
    buffers = prologue->getArgument(0);
    sizeTable = prologue->getArgument(1);
    builder.setInsertionPointToStart(prologue);
    if (failed(loadSizes())) return failure();
    if (failed(replaceArguments(prologue))) return failure();

    // The body continues in the prologue's block.
    Block& body = kernel.getBody().front();
    prologue->getOperations().splice(prologue->end(), body.getOperations());
    auto rest = kernel.getBody().getBlocks().begin();
    entry.getBody().getBlocks().splice(entry.getBody().end(),
                                       kernel.getBody().getBlocks(),
                                       std::next(rest), kernel.getBody().end());
    entry.walk([&](func::ReturnOp op) {
      OpBuilder at(op);
      LLVM::ReturnOp::create(at, op.getLoc(), ValueRange{});
      op.erase();
    });
    kernel.erase();
    return success();
  }

 private:
  Value loadAt(Value base, int64_t byteOffset, Type type) {
    auto pointer = LLVM::LLVMPointerType::get(kernel.getContext());
    Value address =
        LLVM::GEPOp::create(builder, loc, pointer, builder.getI8Type(), base,
                            ArrayRef<LLVM::GEPArg>{int32_t(byteOffset)});
    return LLVM::LoadOp::create(builder, loc, type, address);
  }

  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(builder, loc, builder.getI64Type(),
                                    builder.getI64IntegerAttr(value));
  }

  Value convert(Value value, Type type) {
    return UnrealizedConversionCastOp::create(builder, loc, type, value)
        .getResult(0);
  }

  LogicalResult loadSizes() {
    for (auto name : kernel->getAttrOfType<ArrayAttr>("exec.sizes")
                         .getAsRange<StringAttr>()) {
      const auto* found = llvm::find(sizes, name.getValue());
      if (found == sizes.end())
        return kernel.emitError("expects a named size of the program, got '")
               << name.getValue() << "'";
      int64_t index = found - sizes.begin();
      Value value = loadAt(sizeTable, index * 8, builder.getI64Type());
      values[name] = value;
      order.push_back(value);
    }
    return success();
  }

  // The number of elements of a `?`: a named size, or one more ("S+1").
  FailureOr<Value> dimension(StringRef name) {
    bool more = name.consume_back("+1");
    Value value = values.lookup(builder.getStringAttr(name));
    if (!value)
      return kernel.emitError("expects a size of the kernel, got '")
             << name << "'";
    if (more) value = LLVM::AddOp::create(builder, loc, value, constant(1));
    return value;
  }

  FailureOr<Value> descriptor(unsigned index, MemRefType type) {
    auto pointer = LLVM::LLVMPointerType::get(kernel.getContext());
    Value data = loadAt(buffers, int64_t(index) * 8, pointer);
    auto result =
        MemRefDescriptor::poison(builder, loc, converter.convertType(type));
    result.setAllocatedPtr(builder, loc, data);
    result.setAlignedPtr(builder, loc, data);
    result.setConstantOffset(builder, loc, 0);
    auto dims = kernel.getArgAttrOfType<ArrayAttr>(index, "exec.dims");
    SmallVector<Value> shape;
    unsigned next = 0;
    for (int64_t size : type.getShape()) {
      if (!ShapedType::isDynamic(size)) {
        shape.push_back(constant(size));
        continue;
      }
      if (!dims || next >= dims.size())
        return kernel.emitError("expects 'exec.dims' to name each '?' of ")
               << type;
      FailureOr<Value> value =
          dimension(cast<StringAttr>(dims[next++]).getValue());
      if (failed(value)) return failure();
      shape.push_back(*value);
    }
    Value stride = constant(1);
    for (int64_t dim = type.getRank() - 1; dim >= 0; --dim) {
      result.setSize(builder, loc, dim, shape[dim]);
      result.setStride(builder, loc, dim, stride);
      if (dim) stride = LLVM::MulOp::create(builder, loc, stride, shape[dim]);
    }
    return Value(result);
  }

  // Gives every argument of the kernel a value of the new signature.
  LogicalResult replaceArguments(Block* prologue) {
    Block& body = kernel.getBody().front();
    unsigned index = 0;
    for (; index < body.getNumArguments(); ++index) {
      BlockArgument argument = body.getArgument(index);
      auto type = dyn_cast<MemRefType>(argument.getType());
      if (!type) break;
      FailureOr<Value> value = descriptor(index, type);
      if (failed(value)) return failure();
      argument.replaceAllUsesWith(convert(*value, type));
    }
    Value random = prologue->getArgument(2);
    SmallVector<Value> rest = order;
    rest.push_back(
        loadAt(random, offsetof(GraftRandomState, seed), builder.getI64Type()));
    rest.push_back(
        loadAt(random, offsetof(GraftRandomState, step), builder.getI32Type()));
    rest.push_back(loadAt(random, offsetof(GraftRandomState, place),
                          builder.getI64Type()));
    rest.push_back(prologue->getArgument(3));
    rest.push_back(prologue->getArgument(4));
    if (body.getNumArguments() - index != rest.size())
      return kernel.emitError("expects ")
             << rest.size() << " arguments after the buffers, got "
             << body.getNumArguments() - index;
    for (Value value : rest) {
      BlockArgument argument = body.getArgument(index++);
      if (argument.getType() != value.getType())
        value = convert(value, argument.getType());
      argument.replaceAllUsesWith(value);
    }
    return success();
  }

  func::FuncOp kernel;
  ArrayRef<std::string> sizes;
  LLVMTypeConverter converter;
  OpBuilder builder;
  Location loc;
  Value buffers, sizeTable;
  llvm::DenseMap<StringAttr, Value> values;
  SmallVector<Value> order;
};

struct LowerKernelEntryPass
    : public impl::LowerKernelEntryPassBase<LowerKernelEntryPass> {
  using LowerKernelEntryPassBase::LowerKernelEntryPassBase;

  void runOnOperation() override {
    SmallVector<std::string> names(sizes.begin(), sizes.end());
    for (auto kernel :
         llvm::make_early_inc_range(getOperation().getOps<func::FuncOp>())) {
      if (!kernel->hasAttr("exec.sizes")) continue;
      if (failed(EntryBuilder(kernel, names).build()))
        return signalPassFailure();
    }
  }
};

}  // namespace
}  // namespace graft
