// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/export/compare_interfaces.h"

#include <algorithm>

namespace graft {
namespace {

bool equalValues(const std::vector<ValueSpec>& a,
                 const std::vector<ValueSpec>& b) {
  auto equal = [](const ValueSpec& x, const ValueSpec& y) {
    auto dims = [](const DimSpec& d, const DimSpec& e) {
      return d.size == e.size && d.extent == e.extent;
    };
    return x.name == y.name && x.kind == y.kind && x.dtype == y.dtype &&
           x.tokens == y.tokens && x.sequences == y.sequences &&
           x.limit == y.limit && x.exception == y.exception &&
           x.source == y.source && x.source_index == y.source_index &&
           x.field == y.field &&
           std::equal(x.dims.begin(), x.dims.end(), y.dims.begin(),
                      y.dims.end(), dims);
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), equal);
}

}  // namespace

bool haveEqualInterfaces(const ArtifactSpec& a, const ArtifactSpec& b) {
  auto sizes = [](const SizeSpec& x, const SizeSpec& y) {
    return x.name == y.name && x.bound == y.bound;
  };
  auto slots = [](const SlotSpec& x, const SlotSpec& y) {
    return x.model == y.model && x.name == y.name && x.state == y.state &&
           x.dtype == y.dtype && x.shape == y.shape &&
           x.parameter == y.parameter && x.trainable == y.trainable &&
           x.group == y.group && x.initial == y.initial &&
           x.deviation == y.deviation && x.added == y.added;
  };
  auto merges = [](const MergeSpec& x, const MergeSpec& y) {
    return x.base == y.base && x.left == y.left && x.right == y.right &&
           x.scale == y.scale && x.norms == y.norms;
  };
  auto entries = [](const EntrySpec& x, const EntrySpec& y) {
    return x.name == y.name && x.phase == y.phase &&
           equalValues(x.inputs, y.inputs) && equalValues(x.outputs, y.outputs);
  };
  return std::equal(a.sizes.begin(), a.sizes.end(), b.sizes.begin(),
                    b.sizes.end(), sizes) &&
         std::equal(a.slots.begin(), a.slots.end(), b.slots.begin(),
                    b.slots.end(), slots) &&
         std::equal(a.merges.begin(), a.merges.end(), b.merges.begin(),
                    b.merges.end(), merges) &&
         std::equal(a.entries.begin(), a.entries.end(), b.entries.begin(),
                    b.entries.end(), entries);
}

}  // namespace graft
