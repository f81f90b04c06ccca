// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// A loss that relates examples has the gradients of the whole batch where it is
// computed in two passes, in double precision and with dropout.

#include <map>
#include <vector>

#include "passes/interpret/random_inputs.h"
#include "test/passes/transfer/expansion.h"

namespace graft {
namespace {

using interpret::Segments;
using interpret::Tensor;
using mlir::func::FuncOp;

constexpr double kTolerance = 1e-12;
constexpr interpret::RandomState kRandom = {42, 3, 1};

// A batch of five texts.
const std::vector<std::vector<int32_t>> kTexts = {
    {1, 2, 3}, {4}, {5, 6}, {7, 8, 9, 10}, {11, 12}};
const std::vector<int32_t> kLabels = {0, 2, 1, 1, 0};

// Values by the names of arguments or results.
using Values = std::map<std::string, interpret::Value>;

class RelatedLossTest : public ExpansionTest {
 protected:
  // The page, as `batch` asks for; 0: in one pass.
  void Expand(int64_t batch) {
    ExpansionTest::Expand("related.mlir", [&](transfer::StrategyOp strategy) {
      if (batch > 0) strategy.setBatch(batch);
    });
    ASSERT_TRUE(interpreter_);
    interpret::setRandomSlots(*module_, /*seed=*/7, *interpreter_);
    for (const auto& [name, value] : Gradients()) {
      const auto [model, slot] = llvm::StringRef(name).split("::");
      interpreter_->setSlot(model, slot, Tensor(value.shape, value.kind));
    }
  }

  std::map<std::string, Tensor> Gradients() const {
    std::map<std::string, Tensor> gradients;
    for (const auto& slot : interpreter_->getSlots())
      if (slot.getKey().ends_with(".gradient"))
        gradients.emplace(slot.getKey().str(), slot.getValue().tensor());
    return gradients;
  }

  // Calls an entry with examples [begin, end) of the batch and what `more` has.
  Values Call(const std::string& entry, size_t begin, size_t end,
              const Values& more = {}, uint32_t phase = kRandom.phase) {
    Values given = more;
    std::vector<int32_t> ids, lengths;
    for (size_t i = begin; i < end; ++i) {
      ids.insert(ids.end(), kTexts[i].begin(), kTexts[i].end());
      lengths.push_back(static_cast<int32_t>(kTexts[i].size()));
    }
    Segments segments = Segments::fromLengths(lengths);
    for (int32_t& ordinal : segments.ordinals)
      ordinal += static_cast<int32_t>(begin);
    const auto count = static_cast<int64_t>(end - begin);
    given["segments"] = segments;
    given["ids"] = Tensor::fromInts({static_cast<int64_t>(ids.size())}, ids);
    given["labels"] = Tensor::fromInts(
        {count}, llvm::ArrayRef(kLabels).slice(begin, end - begin));
    given["total"] = Tensor::scalar(static_cast<double>(kTexts.size()));
    auto function = module_->lookupSymbol<FuncOp>(entry);
    EXPECT_TRUE(function) << entry;
    if (!function) return {};
    llvm::SmallVector<interpret::Value> arguments;
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      arguments.push_back(given.at(interpret::argumentName(function, i)));
    interpret::RandomState random = kRandom;
    random.phase = phase;
    interpreter_->setRandomState(random);
    auto results = interpreter_->run(function, arguments);
    EXPECT_TRUE(mlir::succeeded(results)) << entry;
    if (mlir::failed(results)) return {};
    Values named;
    for (unsigned i = 0; i < results->size(); ++i)
      named[interpret::resultName(function, i)] = (*results)[i];
    return named;
  }

  // The whole step in two passes of micro-batches [0, 2), [2, 5); the loss.
  double CallInTwoPasses(uint32_t phase_of_second = kRandom.phase) {
    const std::pair<size_t, size_t> parts[] = {{0, 2}, {2, 5}};
    Values rows;
    for (const auto& [begin, end] : parts)
      for (const auto& [name, value] : Call("represent", begin, end))
        rows[name] = rows.contains(name) ? Joined(rows[name], value) : value;
    Values related = Call("relate", 0, 5, rows);
    double loss = related["loss"].tensor().values[0];
    for (const auto& [begin, end] : parts) {
      Values gradients;
      for (const auto& [name, value] : related)
        if (name != "loss") gradients[name] = Rows(value, begin, end);
      Values pushed =
          Call("accumulate", begin, end, gradients, phase_of_second);
      loss += pushed["loss"].tensor().values[0];
    }
    return loss;
  }

  static Tensor Rows(const interpret::Value& value, size_t begin, size_t end) {
    const Tensor& all = value.tensor();
    Tensor part({static_cast<int64_t>(end - begin), all.columns()}, all.kind);
    std::copy(all.row(begin), all.row(end), part.values.begin());
    return part;
  }
  static Tensor Joined(const interpret::Value& first,
                       const interpret::Value& second) {
    const Tensor &a = first.tensor(), &b = second.tensor();
    Tensor joined({a.rows() + b.rows(), a.columns()}, a.kind);
    auto end =
        std::copy(a.values.begin(), a.values.end(), joined.values.begin());
    std::copy(b.values.begin(), b.values.end(), end);
    return joined;
  }
  // Of all gradients, relative to the norm of `want`.
  static double Distance(const std::map<std::string, Tensor>& got,
                         const std::map<std::string, Tensor>& want) {
    double norm = 0, error = 0;
    EXPECT_EQ(got.size(), want.size());
    for (const auto& [name, value] : want) {
      const Tensor& other = got.at(name);
      for (size_t i = 0; i < value.values.size(); ++i) {
        norm += value.values[i] * value.values[i];
        const double difference = other.values[i] - value.values[i];
        error += difference * difference;
      }
    }
    EXPECT_GT(norm, 0.01);
    return std::sqrt(error / norm);
  }
};

TEST_F(RelatedLossTest, HasTheGradientsOfTheWholeBatch) {
  Expand(0);
  Values whole = Call("accumulate", 0, 5);
  const double loss = whole["loss"].tensor().values[0];
  const std::map<std::string, Tensor> want = Gradients();
  // Of @model and of what relates its rows.
  ASSERT_EQ(want.size(), 4u);
  for (const auto& [name, value] : want) {
    SCOPED_TRACE(name);
    double largest = 0;
    for (double element : value.values)
      largest = std::max(largest, std::abs(element));
    EXPECT_GT(largest, 1e-4);
  }

  Expand(5);
  EXPECT_NEAR(CallInTwoPasses(), loss, kTolerance);
  EXPECT_LT(Distance(Gradients(), want), kTolerance);

  // With other masks in the second pass they are not.
  Expand(5);
  CallInTwoPasses(kRandom.phase + 1);
  EXPECT_GT(Distance(Gradients(), want), 1e-3);
}

TEST_F(RelatedLossTest, DrawsTheSameMasksInBothPasses) {
  Expand(5);
  const auto ordinal = [&](const char* entry) {
    auto function = module_->lookupSymbol<FuncOp>(entry);
    return function->getAttrOfType<mlir::IntegerAttr>("graft.phase_ordinal");
  };
  ASSERT_TRUE(ordinal("represent"));
  EXPECT_EQ(ordinal("represent"), ordinal("accumulate"));
}

}  // namespace
}  // namespace graft
