// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <algorithm>
#include <numeric>

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"
#include "passes/plan/memory_plan.h"
#include "runtime/schema/kernel_abi.h"

namespace graft {
namespace {

bool overlapInTime(const ArenaBlock& a, const ArenaBlock& b) {
  return a.begin <= b.end && b.begin <= a.end;
}

int64_t paddedBytes(const ArenaBlock& block) {
  return llvm::alignTo(block.bytes, GRAFT_BUFFER_ALIGNMENT);
}

// Returns the offset of the smallest gap in `placed` that fits `block`, or the
// end of the last block.
int64_t findGap(const ArenaBlock& block,
                const std::vector<const ArenaBlock*>& placed) {
  int64_t bytes = paddedBytes(block);
  int64_t end = 0, best = -1, bestGap = 0;
  for (const ArenaBlock* other : placed) {  // Sorted by offset.
    if (!overlapInTime(block, *other)) continue;
    int64_t gap = other->offset - end;
    if (gap >= bytes && (best < 0 || gap < bestGap)) {
      best = end;
      bestGap = gap;
    }
    end = std::max(end, other->offset + paddedBytes(*other));
  }
  return best < 0 ? end : best;
}

// Places blocks in the given order. Returns the size of the arena.
int64_t placeInOrder(std::vector<ArenaBlock>& blocks,
                     const std::vector<size_t>& order) {
  std::vector<const ArenaBlock*> placed;
  int64_t arena = 0;
  for (size_t index : order) {
    ArenaBlock& block = blocks[index];
    block.offset = findGap(block, placed);
    arena = std::max(arena, block.offset + paddedBytes(block));
    auto after = std::upper_bound(
        placed.begin(), placed.end(), block.offset,
        [](int64_t offset, const ArenaBlock* b) { return offset < b->offset; });
    placed.insert(after, &block);
  }
  return arena;
}

}  // namespace

// Tries two orders, because neither is better for all graphs: by size, and by
// area (bytes times lifetime), largest first.
int64_t placeBlocks(std::vector<ArenaBlock>& blocks) {
  auto inOrderOf = [](std::vector<ArenaBlock>& blocks,
                      llvm::function_ref<double(const ArenaBlock&)> weight) {
    std::vector<size_t> order(blocks.size());
    std::iota(order.begin(), order.end(), 0);
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
      double first = weight(blocks[a]), second = weight(blocks[b]);
      return first != second ? first > second : a < b;
    });
    return placeInOrder(blocks, order);
  };
  std::vector<ArenaBlock> bySize = blocks;
  int64_t sizeArena = inOrderOf(
      bySize, [](const ArenaBlock& block) -> double { return block.bytes; });
  int64_t areaArena = inOrderOf(blocks, [](const ArenaBlock& block) {
    return static_cast<double>(block.bytes) * (block.end - block.begin + 1);
  });
  if (areaArena < sizeArena) return areaArena;
  blocks = std::move(bySize);
  return sizeArena;
}

}  // namespace graft
