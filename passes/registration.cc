// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/registration.h"

#include "dialects/exec/exec_dialect.h"
#include "dialects/graft/gradients.h"
#include "dialects/graft/graft_dialect.h"
#include "dialects/graft/linalg_models.h"
#include "dialects/transfer/transfer_dialect.h"
#include "mlir/IR/DialectRegistry.h"
#include "passes/autodiff/passes.h"
#include "passes/fuse/passes.h"
#include "passes/interpret/passes.h"
#include "passes/lower/cpu/cpu_target.h"
#include "passes/lower/native/native.h"
#include "passes/lower/passes.h"
#include "passes/plan/passes.h"
#include "passes/precision/passes.h"
#include "passes/transfer/passes.h"

namespace graft {

void registerAllDialects(mlir::DialectRegistry& registry) {
  registry.insert<GraftDialect, transfer::TransferDialect, exec::ExecDialect>();
  registerGraftGradients(registry);
  registerGraftLinalgModels(registry);
  registerNativeCodeDialects(registry);
  registerCpuTargets();
}

void registerAllPasses() {
  registerAutodiffPasses();
  registerFusePasses();
  registerInterpretPasses();
  registerPlanPasses();
  registerPrecisionPasses();
  registerTransferPasses();
  registerTransferPipeline();
  registerLowerPasses();
}

}  // namespace graft
