// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "models/bert/builder.h"

#include "absl/strings/str_cat.h"
#include "frontend/graph_builder.h"
#include "runtime/base/status_macros.h"

using namespace mlir;

namespace graft {
namespace {

// The config reader checks doubles; the graph holds floats, where a rate just
// below 1 becomes 1 and a tiny epsilon becomes 0.
absl::Status checkConfig(const BertConfig& config,
                         const BuildOptions& options) {
  const std::pair<const char*, double> rates[] = {
      {"hidden_dropout_prob", config.hidden_dropout_prob},
      {"attention_probs_dropout_prob", config.attention_probs_dropout_prob},
      {"classifier_dropout", config.classifier_dropout_rate()}};
  for (const auto& [field, rate] : rates) {
    if (static_cast<float>(rate) >= 0 && static_cast<float>(rate) < 1) continue;
    return absl::InvalidArgumentError(
        absl::StrCat(field, " expects a rate in [0, 1), got ", rate));
  }
  if (!(static_cast<float>(config.layer_norm_eps) > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("layer_norm_eps expects a positive number, got ",
                     config.layer_norm_eps));
  }
  return checkCapacities(options);
}

class BertBuilder {
 public:
  BertBuilder(MLIRContext* context, const BertConfig& config,
              const BuildOptions& options)
      : config_(config),
        options_(options),
        graph_(context, options.name, options.weights) {}

  OwningOpRef<ModuleOp> build() {
    graph_.declareSize("T", options_.token_capacity);
    graph_.declareSize("S", options_.sequence_capacity);
    OpBuilder& ops = graph_.ops();
    Type ids = graph_.rows("T", {}, ops.getI32Type());
    Type segments = SegmentsType::get(ops.getContext(), ops.getStringAttr("T"),
                                      ops.getStringAttr("S"));
    const GraphBuilder::Argument arguments[] = {
        {"ids", ids}, {"types", ids}, {"segments", segments}};
    graph_.addFunction("encode", arguments, "hidden", [&](ValueRange values) {
      Value input = embed(values[0], values[1], values[2]);
      tap("hidden", input);
      return graph_.repeat(config_.num_hidden_layers, "encoder.layer", input,
                           [&](Value x) { return layer(x, values[2]); });
    });
    if (options_.labels > 0 || options_.pooled)
      graph_.addFunction("pooled", arguments, "pooled", [&](ValueRange values) {
        Value hidden = graph_.call("encode", values, "hidden");
        return pool(hidden, values[2]);
      });
    if (options_.labels > 0) addHead(arguments);
    return graph_.finish();
  }

 private:
  void addHead(ArrayRef<GraphBuilder::Argument> arguments) {
    Type pooled =
        graph_.rows("S", {config_.hidden_size}, graph_.ops().getF32Type());
    const GraphBuilder::Argument inputs[] = {{"pooled", pooled},
                                             arguments.back()};
    graph_.addFunction("classify", inputs, "logits", [&](ValueRange values) {
      return classify(values[0], values[1]);
    });
    graph_.addFunction("logits", arguments, "logits", [&](ValueRange values) {
      Value pooled = graph_.call("pooled", values, "pooled");
      return graph_.call("classify", {pooled, values.back()}, "logits");
    });
  }

  // The order of the sums is that of Transformers.
  Value embed(Value ids, Value types, Value segments) {
    int64_t width = config_.hidden_size;
    Value words = graph_.embedding(ids, "embeddings.word_embeddings",
                                   config_.vocab_size, width, "words");
    Value kinds = graph_.embedding(types, "embeddings.token_type_embeddings",
                                   config_.type_vocab_size, width, "kinds");
    Value index =
        PositionsOp::create(graph_.ops(), graph_.location("index"), segments);
    Value positions =
        graph_.embedding(index, "embeddings.position_embeddings",
                         config_.max_position_embeddings, width, "positions");
    Value sum = add(add(words, kinds, "sum"), positions, "sum");
    Value normed = graph_.layerNorm(sum, "embeddings.LayerNorm",
                                    config_.layer_norm_eps, "normed");
    return graph_.dropout(normed, segments, config_.hidden_dropout_prob,
                          "embedded");
  }

  Value layer(Value x, Value segments) {
    int64_t width = config_.hidden_size;
    double rate = config_.hidden_dropout_prob;
    Value query = graph_.linear(x, "attention.self.query", width, "query");
    Value key = graph_.linear(x, "attention.self.key", width, "key");
    Value value = graph_.linear(x, "attention.self.value", width, "value");
    tap("query", query);
    tap("key", key);
    tap("value", value);
    Value context = graph_.attention(
        query, key, value, segments, config_.num_attention_heads,
        config_.attention_probs_dropout_prob, "context");
    Value attended =
        graph_.linear(context, "attention.output.dense", width, "attended");
    Value kept = graph_.dropout(attended, segments, rate, "attended.kept");
    Value y =
        graph_.layerNorm(add(kept, x, "residual"), "attention.output.LayerNorm",
                         config_.layer_norm_eps, "y");
    Value wide = graph_.linear(y, "intermediate.dense",
                               config_.intermediate_size, "wide");
    Value narrow =
        graph_.linear(activate(wide), "output.dense", width, "narrow");
    Value rest = graph_.dropout(narrow, segments, rate, "narrow.kept");
    Value z = graph_.layerNorm(add(rest, y, "residual"), "output.LayerNorm",
                               config_.layer_norm_eps, "z");
    tap("hidden", z);
    return z;
  }

  Value pool(Value hidden, Value segments) {
    OpBuilder& ops = graph_.ops();
    Value first = SegmentPoolOp::create(ops, graph_.location("first"), hidden,
                                        segments, PoolKind::first);
    if (!options_.pooler) return first;
    Value dense =
        graph_.linear(first, "pooler.dense", config_.hidden_size, "dense");
    return TanhOp::create(ops, graph_.location("pooled"), dense);
  }

  Value classify(Value pooled, Value segments) {
    Value kept = graph_.dropout(pooled, segments,
                                config_.classifier_dropout_rate(), "kept");
    return graph_.linear(kept, "classifier", options_.labels, "logits");
  }

  Value activate(Value x) {
    OpBuilder& ops = graph_.ops();
    Location location = graph_.location("active");
    switch (config_.hidden_act) {
      case Activation::kGelu:
        return GeluOp::create(ops, location, x, GeluForm::erf);
      case Activation::kGeluNew:
      case Activation::kGeluPytorchTanh:
        return GeluOp::create(ops, location, x, GeluForm::tanh);
      case Activation::kRelu:
        return ReluOp::create(ops, location, x);
      case Activation::kTanh:
        return TanhOp::create(ops, location, x);
    }
    return {};
  }

  void tap(StringRef kind, Value value) {
    if (options_.taps) graph_.tap(kind, value);
  }

  Value add(Value lhs, Value rhs, StringRef name) {
    return AddOp::create(graph_.ops(), graph_.location(name), lhs, rhs);
  }

  const BertConfig& config_;
  const BuildOptions& options_;
  GraphBuilder graph_;
};

}  // namespace

absl::StatusOr<OwningOpRef<ModuleOp>> buildBertModel(
    MLIRContext* context, const BertConfig& config,
    const BuildOptions& options) {
  GRAFT_RETURN_IF_ERROR(checkConfig(config, options));
  return BertBuilder(context, config, options).build();
}

}  // namespace graft
