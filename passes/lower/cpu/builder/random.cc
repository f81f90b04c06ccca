// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/cpu/builder/random.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "runtime/formats/philox.h"

using namespace mlir;

namespace graft {
namespace {

constexpr int kRounds = 10;
constexpr uint64_t kMultiplier0 = 0xD2511F53u;
constexpr uint64_t kMultiplier1 = 0xCD9E8D57u;
constexpr uint64_t kWeyl0 = 0x9E3779B9u;
constexpr uint64_t kWeyl1 = 0xBB67AE85u;
constexpr uint64_t kLowWord = 0xFFFFFFFFu;

// Integer operations of one width. Words live in the low halves of 64-bit
// lanes: a product of two 32-bit words is then one instruction (vpmuludq), and
// what is left in the upper halves never matters.
class Wide {
 public:
  explicit Wide(VectorBuilder& v)
      : v(v),
        b(v.b()),
        loc(v.location()),
        type(VectorType::get({v.lanes() / 2}, b.getI64Type())) {}

  Value splat(uint64_t value) {
    return v.constant(
        DenseElementsAttr::get(type, static_cast<int64_t>(value)));
  }
  Value splat(Value word) {  // i32 or i64 scalar
    if (word.getType().isInteger(32))
      word = arith::ExtUIOp::create(b, loc, b.getI64Type(), word);
    return vector::BroadcastOp::create(b, loc, type, word);
  }
  Value mul(Value a, uint64_t multiplier) {
    Value low = arith::AndIOp::create(b, loc, a, splat(kLowWord));
    return arith::MulIOp::create(b, loc, low, splat(multiplier));
  }
  Value high(Value a) { return arith::ShRUIOp::create(b, loc, a, splat(32)); }
  Value exclusiveOr(Value x, Value y, Value z) {
    return arith::XOrIOp::create(b, loc, arith::XOrIOp::create(b, loc, x, y),
                                 z);
  }

  VectorBuilder& v;
  OpBuilder& b;
  Location loc;
  VectorType type;
};

// SplitMix64 of runtime/formats/philox.h on an i64.
Value splitMix64(VectorBuilder& v, Value x) {
  OpBuilder& b = v.b();
  Location loc = v.location();
  auto mix = [&](Value y, uint64_t shift) -> Value {
    Value shifted = arith::ShRUIOp::create(b, loc, y, v.integer64(shift));
    return arith::XOrIOp::create(b, loc, y, shifted);
  };
  auto times = [&](Value y, uint64_t factor) -> Value {
    return arith::MulIOp::create(b, loc, y, v.integer64(factor));
  };
  x = arith::AddIOp::create(b, loc, x, v.integer64(0x9E3779B97F4A7C15u));
  x = times(mix(x, 30), 0xBF58476D1CE4E5B9u);
  x = times(mix(x, 27), 0x94D049BB133111EBu);
  return mix(x, 31);
}

// RandomOpKey of runtime/formats/philox.h: both words in one i64.
Value randomOpKey(VectorBuilder& v, const KernelArguments& arguments) {
  Value seed = arith::XOrIOp::create(v.b(), v.location(), arguments.seed,
                                     splitMix64(v, arguments.place));
  return splitMix64(v, seed);
}

}  // namespace

PhiloxBuilder::PhiloxBuilder(VectorBuilder& v, const KernelArguments& arguments)
    : v(v) {
  Wide wide(v);
  Value key = randomOpKey(v, arguments);
  OpBuilder& b = v.b();
  for (uint64_t round = 0; round < kRounds; ++round) {
    Value low = arith::AddIOp::create(b, v.location(), key,
                                      v.integer64(round * kWeyl0));
    Value high = arith::AddIOp::create(
        b, v.location(),
        arith::ShRUIOp::create(b, v.location(), key, v.integer64(32)),
        v.integer64(round * kWeyl1));
    keys.push_back({wide.splat(low), wide.splat(high)});
  }
}

PhiloxBuilder::Words PhiloxBuilder::rounds(Words counter) {
  Wide wide(v);
  for (const auto& [key0, key1] : keys) {
    Value product0 = wide.mul(counter[0], kMultiplier0);
    Value product1 = wide.mul(counter[2], kMultiplier1);
    counter = {
        wide.exclusiveOr(wide.high(product1), counter[1], key0), product1,
        wide.exclusiveOr(wide.high(product0), counter[3], key1), product0};
  }
  return counter;
}

PhiloxBuilder::Words PhiloxBuilder::call(const Words& counter) {
  Wide wide(v);
  OpBuilder& b = v.b();
  Location loc = v.location();
  // Lanes of even number, then those of odd number. All levels are
  // little-endian.
  Words even, odd;
  for (auto [word, first, second] : llvm::zip(counter, even, odd)) {
    first = vector::BitCastOp::create(b, loc, wide.type, word);
    second = wide.high(first);
  }
  even = rounds(even);
  odd = rounds(odd);
  Words words;
  for (auto [word, first, second] : llvm::zip(words, even, odd)) {
    Value low = arith::AndIOp::create(b, loc, first, wide.splat(kLowWord));
    Value high =
        arith::ShLIOp::create(b, loc, second, wide.splat(uint64_t{32}));
    word = vector::BitCastOp::create(b, loc, v.words(),
                                     arith::OrIOp::create(b, loc, low, high));
  }
  return words;
}

DropoutBuilder::DropoutBuilder(VectorBuilder& v,
                               const KernelArguments& arguments, double rate)
    : v(v), philox(v, arguments) {
  uint32_t limit = DropoutThreshold(rate);
  threshold = v.splatWord(limit << 16);
  scale = v.splat(DropoutScale(limit));
}

DropoutBuilder::Words DropoutBuilder::words(Value block, int64_t group,
                                            ArrayRef<Value> row) {
  Wide wide(v);
  OpBuilder& b = v.b();
  Location loc = v.location();
  Value first = arith::IndexCastOp::create(b, loc, b.getI64Type(),
                                           v.mulIndex(block, kDropoutLanes));
  std::array<Words, 2> halves;
  for (int64_t half = 0; half < 2; ++half) {
    SmallVector<int64_t> calls;
    for (int64_t lane = 0; lane < v.lanes() / 2; ++lane)
      calls.push_back(group * v.lanes() + half * v.lanes() / 2 + lane);
    Value lanes =
        v.constant(DenseElementsAttr::get(wide.type, ArrayRef<int64_t>(calls)));
    halves[half] = philox.rounds(
        {arith::AddIOp::create(b, loc, wide.splat(first), lanes),
         wide.splat(row[0]), wide.splat(row[1]), wide.splat(row[2])});
  }
  // The low words of both halves, in order. All levels are little-endian.
  SmallVector<int64_t> evens;
  for (int64_t lane = 0; lane < v.lanes(); ++lane) evens.push_back(2 * lane);
  Words words;
  for (size_t k = 0; k < words.size(); ++k) {
    auto narrow = [&](Value value) -> Value {
      return vector::BitCastOp::create(b, loc, v.words(), value);
    };
    words[k] = vector::ShuffleOp::create(b, loc, narrow(halves[0][k]),
                                         narrow(halves[1][k]), evens);
  }
  return words;
}

Value DropoutBuilder::apply(Value value, const Words& words, int64_t r) {
  OpBuilder& b = v.b();
  Location loc = v.location();
  // The 16 bits of the chunk compare as the upper half of a word; what is
  // below them in an odd chunk does not change the order.
  Value word = words[static_cast<size_t>(r / 2)];
  if (r % 2 == 0) word = arith::ShLIOp::create(b, loc, word, v.splatWord(16));
  Value keep =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, word, threshold);
  return v.select(keep, v.mul(value, scale), v.splat(0));
}

}  // namespace graft
