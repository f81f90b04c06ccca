// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The `graft` dialect, its attributes and types, and the names of dynamic
// dimensions.

#ifndef GRAFT_DIALECTS_GRAFT_GRAFT_DIALECT_H_
#define GRAFT_DIALECTS_GRAFT_GRAFT_DIALECT_H_

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/TensorEncoding.h"
#include "mlir/IR/TypeRange.h"

// The order matters: attributes hold enumerations.
#include "dialects/graft/graft_dialect.h.inc"
#include "dialects/graft/graft_enums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "dialects/graft/graft_attrs.h.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/graft/graft_types.h.inc"

namespace graft {

// Marks types of other dialects that become `!graft.segments`, such as the
// texts of a strategy.
template <typename ConcreteType>
class StandsForSegments
    : public mlir::TypeTrait::TraitBase<ConcreteType, StandsForSegments> {};

// One dimension of a tensor: its static size, or `kDynamic` with a name. A
// dynamic dimension of a tensor without `#graft.dims` has a null name.
struct Dim {
  int64_t size;
  mlir::StringAttr name;

  bool isStatic() const { return !mlir::ShapedType::isDynamic(size); }
  // Equal sizes, or equal names; an unnamed dynamic dimension equals any.
  bool isCompatible(const Dim& other) const;
};

// The dimension `index` of `type`, and all of them.
Dim getDim(mlir::RankedTensorType type, unsigned index);
llvm::SmallVector<Dim> getDims(mlir::RankedTensorType type);

// The tensor type with these dimensions; carries `#graft.dims` exactly when
// each dynamic dimension has a name.
mlir::RankedTensorType getTensorType(llvm::ArrayRef<Dim> dims,
                                     mlir::Type elementType);

// `type` with other elements.
mlir::RankedTensorType withElements(mlir::RankedTensorType type,
                                    mlir::Type element);

// Whether each type is the inferred one or that with f32 elements: that of an
// op that may leave its sums unrounded.
bool areSameOrF32(mlir::TypeRange inferred, mlir::TypeRange actual);

// A named dynamic dimension.
Dim getNamedDim(mlir::StringAttr name);

}  // namespace graft

#endif  // GRAFT_DIALECTS_GRAFT_GRAFT_DIALECT_H_
