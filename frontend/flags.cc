// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "frontend/flags.h"

#include <cmath>
#include <functional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "runtime/base/status_macros.h"

namespace graft {
namespace {

absl::Status Expects(const Flag& flag, absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(
      flag.name, " expects ", expected, ", got ",
      flag.value.has_value() ? absl::StrCat("\"", *flag.value, "\"") : "none"));
}

absl::Status SetCount(const Flag& flag, int64_t& result) {
  int64_t value;
  if (flag.value.has_value() && absl::SimpleAtoi(*flag.value, &value) &&
      value > 0) {
    result = value;
    return absl::OkStatus();
  }
  return Expects(flag, "a positive number");
}

// Ranges are checked where the meaning is known.
absl::Status SetNumber(const Flag& flag, double& result) {
  double value;
  if (flag.value.has_value() && absl::SimpleAtod(*flag.value, &value) &&
      std::isfinite(value)) {
    result = value;
    return absl::OkStatus();
  }
  return Expects(flag, "a number");
}

absl::Status SetText(const Flag& flag, std::string& result) {
  if (!flag.value.has_value() || flag.value->empty())
    return Expects(flag, "a value");
  result = *flag.value;
  return absl::OkStatus();
}

absl::Status SetSwitch(const Flag& flag, bool& result) {
  if (flag.value.has_value()) return Expects(flag, "no value");
  result = true;
  return absl::OkStatus();
}

// One of the names, by its index.
absl::StatusOr<size_t> Choose(const Flag& flag,
                              const std::vector<std::string>& names) {
  for (size_t i = 0; i < names.size(); ++i)
    if (flag.value == names[i]) return i;
  std::string expected;
  for (size_t i = 0; i < names.size(); ++i)
    absl::StrAppend(&expected,
                    i == 0                  ? ""
                    : i + 1 == names.size() ? " or "
                                            : ", ",
                    names[i]);
  return Expects(flag, expected);
}

absl::Status SetPooler(const Flag& flag, PoolerSource& pooler) {
  GRAFT_ASSIGN_OR_RETURN(const size_t index,
                         Choose(flag, {"checkpoint", "new", "none"}));
  constexpr PoolerSource kSources[] = {PoolerSource::kCheckpoint,
                                       PoolerSource::kNew, PoolerSource::kNone};
  pooler = kSources[index];
  return absl::OkStatus();
}

absl::Status SetLabelNames(const Flag& flag, ImportOptions& options) {
  std::string text;
  GRAFT_RETURN_IF_ERROR(SetText(flag, text));
  options.label_names = absl::StrSplit(text, ',');
  if (options.labels == 0)
    options.labels = static_cast<int64_t>(options.label_names.size());
  return absl::OkStatus();
}

// `embeddings`, `encoder`, or how many layers.
absl::Status SetFreeze(const Flag& flag, Freeze& freeze) {
  freeze = {};
  if (flag.value == "embeddings") {
    freeze.embeddings = true;
  } else if (flag.value == "encoder") {
    freeze.encoder = true;
  } else if (!flag.value.has_value() ||
             !absl::SimpleAtoi(*flag.value, &freeze.layers) ||
             freeze.layers < 0) {
    return Expects(flag, "embeddings, encoder or a number of layers");
  }
  return absl::OkStatus();
}

absl::Status SetClip(const Flag& flag, std::optional<double>& clip) {
  if (flag.value == "none") {
    clip.reset();
    return absl::OkStatus();
  }
  double value = 0;
  if (!SetNumber(flag, value).ok()) return Expects(flag, "a number or none");
  clip = value;
  return absl::OkStatus();
}

using Setter = std::function<absl::Status(const Flag&)>;
using Setters = std::vector<std::pair<const char*, Setter>>;

absl::StatusOr<bool> Apply(const Flag& flag, const Setters& setters) {
  for (const auto& [name, setter] : setters) {
    if (flag.name != name) continue;
    GRAFT_RETURN_IF_ERROR(setter(flag));
    return true;
  }
  return false;
}

}  // namespace

const char kImportFlagsHelp[] =
    R"(  --labels=N          a classifier of N labels; 1 is a regression
                      (the checkpoint's, or none)
  --label-names=A,B   their names, which also say how many they are
  --new-head          make a new classifier although the checkpoint has one
  --pooler=SOURCE     what a classifier reads: the checkpoint's pooler
                      (checkpoint), a new pooler (new), or the first token as
                      it is (none)
  --dropout=RATE      rate of every dropout (the checkpoint's); 0 for none
  --tokens=N          most tokens of a batch (8192)
  --sequences=N       most sequences of a batch (512)
  --name=NAME         symbol of the model (model)
)";

const char kRecipeFlagsHelp[] =
    R"(  --epochs=N          passes over the data (3)
  --learning-rate=R   highest learning rate (5e-5)
  --schedule=KIND     after the warm-up: linear, falling to 0, or constant
                      (linear)
  --warmup=F          fraction of all steps in which the rate rises (0.1)
  --decay=R           weight decay of matrices and tables (0.01)
  --decay-everything  weight decay of biases and layer normalisation too
  --layer-decay=R     rate of a layer over that of the next (1)
  --clip=NORM         largest norm of all gradients together, or none (1)
  --label-smoothing=F share of the other labels in each label (0)
  --beta1=F --beta2=F --epsilon=R
                      AdamW's own (0.9, 0.999, 1e-8)
  --freeze=WHAT       what keeps the checkpoint's values: embeddings, the
                      embeddings and the first N layers (N), or everything
                      below the classifier (encoder)
)";

Flag SplitFlag(const std::string& argument) {
  const size_t equals = argument.find('=');
  if (equals == std::string::npos) return {argument, std::nullopt};
  return {argument.substr(0, equals), argument.substr(equals + 1)};
}

absl::StatusOr<bool> SetImportFlag(const Flag& flag, ImportOptions& options) {
  const auto set_dropout = [&](const Flag& given) {
    double rate = 0;
    GRAFT_RETURN_IF_ERROR(SetNumber(given, rate));
    options.dropout = rate;
    return absl::OkStatus();
  };
  const auto count = [](int64_t& result) {
    return [&result](const Flag& given) { return SetCount(given, result); };
  };
  return Apply(
      flag,
      {{"--labels", count(options.labels)},
       {"--tokens", count(options.token_bound)},
       {"--sequences", count(options.sequence_bound)},
       {"--name", [&](const Flag& f) { return SetText(f, options.name); }},
       {"--label-names",
        [&](const Flag& f) { return SetLabelNames(f, options); }},
       {"--new-head",
        [&](const Flag& f) { return SetSwitch(f, options.new_head); }},
       {"--pooler",
        [&](const Flag& f) { return SetPooler(f, options.pooler); }},
       {"--dropout", set_dropout}});
}

absl::StatusOr<bool> SetRecipeFlag(const Flag& flag, FineTuneRecipe& recipe) {
  const auto number = [](double& result) {
    return [&result](const Flag& given) { return SetNumber(given, result); };
  };
  const auto set_schedule = [&](const Flag& given) {
    GRAFT_ASSIGN_OR_RETURN(const size_t index,
                           Choose(given, {"linear", "constant"}));
    recipe.linear = index == 0;
    return absl::OkStatus();
  };
  return Apply(
      flag,
      {{"--epochs", [&](const Flag& f) { return SetCount(f, recipe.epochs); }},
       {"--learning-rate", number(recipe.learning_rate)},
       {"--schedule", set_schedule},
       {"--warmup", number(recipe.warmup)},
       {"--decay", number(recipe.decay)},
       {"--decay-everything",
        [&](const Flag& f) { return SetSwitch(f, recipe.decay_everything); }},
       {"--layer-decay", number(recipe.layer_decay)},
       {"--clip", [&](const Flag& f) { return SetClip(f, recipe.clip); }},
       {"--label-smoothing", number(recipe.label_smoothing)},
       {"--beta1", number(recipe.beta1)},
       {"--beta2", number(recipe.beta2)},
       {"--epsilon", number(recipe.epsilon)},
       {"--freeze",
        [&](const Flag& f) { return SetFreeze(f, recipe.freeze); }}});
}

}  // namespace graft
