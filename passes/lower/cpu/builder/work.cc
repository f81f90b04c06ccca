// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/builder/work.h"

#include "dialects/graft/graft_dialect.h"

using namespace mlir;

namespace graft {
namespace {

// Registers of a row that are unrolled instead of looped over: a row of 384
// stays whole in the registers of AVX-512.
constexpr int64_t kUnrolledRegisters = 8;

// Chains of a reduction: an addition takes four cycles and two start in each.
constexpr int64_t kChains = 4;

// The static size and the names of the dynamic dimensions of `dims` leading
// dimensions.
void countDims(RankedTensorType type, int64_t dims, int64_t& scale,
               SmallVectorImpl<StringAttr>& names) {
  auto encoding = dyn_cast_if_present<DimsAttr>(type.getEncoding());
  unsigned next = 0;
  for (int64_t size : type.getShape().take_front(dims)) {
    if (ShapedType::isDynamic(size))
      names.push_back(encoding.getNames()[next++]);
    else
      scale *= size;
  }
}

}  // namespace

Work::Work(MLIRContext* context, ArrayRef<StringAttr> sizes, int64_t scale,
           int64_t elementsPerUnit, int64_t elementsPerItem)
    : sizes(sizes), scale(scale) {
  if (sizes.empty()) {
    block = std::max<int64_t>(1, elementsPerItem / elementsPerUnit);
    gridAttr = exec::GridAttr::get(
        context, StringAttr(), 1,
        std::max<int64_t>(1, llvm::divideCeil(scale, block)));
    return;
  }
  // A size in the denominator is a power of two for short names in traces.
  block = sizes.size() > 1
              ? 1
              : llvm::bit_floor<uint64_t>(std::max<int64_t>(
                    1, elementsPerItem / (scale * elementsPerUnit)));
  gridAttr = exec::GridAttr::get(context, sizes.front(), block, 1);
}

Work Work::rows(RankedTensorType type, int64_t elementsPerItem) {
  int64_t scale = 1;
  SmallVector<StringAttr> names;
  countDims(type, std::max<int64_t>(0, type.getRank() - 1), scale, names);
  return Work(type.getContext(), names, scale, rowWidth(type), elementsPerItem);
}

Work Work::elements(RankedTensorType type, int64_t elementsPerItem) {
  int64_t scale = 1;
  SmallVector<StringAttr> names;
  countDims(type, type.getRank(), scale, names);
  return Work(type.getContext(), names, scale, 1, elementsPerItem);
}

Work Work::units(MLIRContext* context, int64_t count, int64_t block) {
  return Work(context, {}, count, 1, block);
}

std::pair<Value, Value> Work::range(VectorBuilder& v,
                                    const KernelArguments& arguments) const {
  Value unit, total;
  if (sizes.empty()) {
    unit = v.index(1);
    total = v.index(scale);
  } else {
    // Values of the first size are counted; each stands for `unit` units.
    unit = v.index(scale);
    for (StringAttr name : llvm::drop_begin(sizes))
      unit = v.mulIndex(unit, arguments.sizes.lookup(name.getValue()));
    total = arguments.sizes.lookup(sizes.front().getValue());
  }
  Value first = v.mulIndex(arguments.begin, block);
  Value last = v.minIndex(v.mulIndex(arguments.end, block), total);
  return {v.mulIndex(first, unit), v.mulIndex(last, unit)};
}

int64_t rowWidth(RankedTensorType type) {
  return type.getRank() == 0 ? 1 : type.getShape().back();
}

void forColumns(VectorBuilder& v, int64_t width,
                llvm::function_ref<void(Value, Value)> body) {
  int64_t lanes = v.lanes();
  int64_t whole = width / lanes * lanes;
  if (whole <= kUnrolledRegisters * lanes) {
    for (int64_t column = 0; column < whole; column += lanes)
      body(v.index(column), Value());
  } else {
    v.loop(v.index(0), v.index(whole), lanes,
           [&](Value column) { body(column, Value()); });
  }
  if (whole < width) body(v.index(whole), v.mask(width - whole));
}

SmallVector<Value> reduceColumns(
    VectorBuilder& v, int64_t width, ValueRange inits,
    llvm::function_ref<SmallVector<Value>(Value, Value, ValueRange)> body,
    llvm::function_ref<Value(unsigned, Value, Value)> combine) {
  int64_t lanes = v.lanes();
  int64_t step = kChains * lanes;
  int64_t unrolled = width / step * step;
  size_t count = inits.size();
  SmallVector<Value> chains;
  int64_t used = std::min(kChains, std::max<int64_t>(1, width / lanes));
  for (int64_t chain = 0; chain < used; ++chain)
    chains.append(inits.begin(), inits.end());

  auto advance = [&](int64_t chain, Value column, Value mask,
                     SmallVectorImpl<Value>& values) {
    auto slice = ArrayRef<Value>(values).slice(chain * count, count);
    SmallVector<Value> next = body(column, mask, SmallVector<Value>(slice));
    llvm::copy(next, values.begin() + chain * count);
  };
  if (unrolled > 0)
    chains = v.loop(v.index(0), v.index(unrolled), step, chains,
                    [&](Value column, ValueRange carried) {
                      SmallVector<Value> values = llvm::to_vector(carried);
                      for (int64_t chain = 0; chain < kChains; ++chain)
                        advance(chain, v.addIndex(column, chain * lanes),
                                Value(), values);
                      return values;
                    });
  int64_t column = unrolled;
  int64_t chain = 0;
  for (; column + lanes <= width; column += lanes, ++chain)
    advance(chain % used, v.index(column), Value(), chains);
  if (column < width)
    advance(chain % used, v.index(column), v.mask(width - column), chains);

  // Pairs of chains, then pairs of pairs.
  for (int64_t distance = 1; distance < used; distance *= 2)
    for (int64_t left = 0; left + distance < used; left += 2 * distance)
      for (size_t k = 0; k < count; ++k)
        chains[left * count + k] = combine(
            k, chains[left * count + k], chains[(left + distance) * count + k]);
  chains.resize(count);
  return chains;
}

}  // namespace graft
