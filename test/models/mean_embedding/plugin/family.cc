// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "family.h"

#include "builder.h"
#include "config.h"
#include "runtime/base/status_macros.h"

namespace mean_embedding {
namespace {

class Description : public graft::ModelDescription {
 public:
  Description(const graft::ModelConfig& fields, const Config& config)
      : ModelDescription(fields), config_(config) {
    facts().vocabulary = config.words;
    facts().max_positions = config.longest;
    facts().scopes.head = "output";
    facts().scopes.embeddings = "words";
  }

  // Checkpoints from elsewhere call the table "lookup"; those that Graft
  // exports call it as the model does.
  std::vector<std::string> spellings(llvm::StringRef parameter) const override {
    if (parameter == "words.weight") return {"words.weight", "lookup"};
    return {parameter.str()};
  }

  absl::StatusOr<mlir::OwningOpRef<mlir::ModuleOp>> build(
      mlir::MLIRContext* context,
      const graft::BuildOptions& options) const override {
    return buildModel(context, config_, options);
  }

 private:
  const Config config_;
};

class Family : public graft::ModelFamily {
 public:
  llvm::StringRef name() const override { return "mean_embedding"; }
  std::vector<std::string> modelTypes() const override {
    return {"mean_embedding"};
  }
  absl::StatusOr<std::unique_ptr<graft::ModelDescription>> read(
      const graft::ModelConfig& fields) const override {
    GRAFT_ASSIGN_OR_RETURN(const Config config, readConfig(fields));
    return std::make_unique<Description>(fields, config);
  }
};

}  // namespace

std::unique_ptr<graft::ModelFamily> createFamily() {
  return std::make_unique<Family>();
}

}  // namespace mean_embedding
