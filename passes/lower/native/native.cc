// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/lower/native/native.h"

#include "dialects/graft/graft_ops.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Dialect/Linalg/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Linalg/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/BufferizableOpInterfaceImpl.h"
#include "mlir/Dialect/Tensor/Transforms/SubsetInsertionOpInterfaceImpl.h"
#include "mlir/IR/Threading.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Target/LLVMIR/ModuleTranslation.h"
#include "mlir/Transforms/Passes.h"
#include "passes/lower/native/link.h"
#include "passes/lower/native/object_cache.h"
#include "passes/lower/passes.h"

using namespace mlir;

namespace graft {
namespace {

// One kernel alone in a module, from which it is lowered; none where its object
// was kept from before.
struct Unit {
  func::FuncOp kernel;
  std::string key;
  ModuleOp module;
  ObjectCache::Object object;
};

// Down to the LLVM dialect, kernel by kernel.
void buildLoweringPipeline(OpPassManager& manager, ArrayRef<std::string> sizes,
                           const NativeMachine& machine) {
  // The body becomes the C function first, so that all below sees one form.
  LowerKernelEntryPassOptions entry;
  entry.sizes = SmallVector<std::string>(sizes);
  manager.addPass(createLowerKernelEntryPass(entry));
  // Before math reaches LLVM: intrinsics of exp and so on would become calls.
  LowerVectorMathPassOptions math;
  math.roundsBf16 = machine.roundsBf16;
  manager.addPass(createLowerVectorMathPass(math));
  manager.addPass(createConvertVectorToSCFPass());
  manager.addPass(memref::createExpandStridedMetadataPass());
  manager.addPass(createLowerAffinePass());
  manager.addPass(createSCFToControlFlowPass());
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  // No reassociation: emitters write the order of a sum themselves.
  ConvertVectorToLLVMPassOptions vector;
  vector.x86Vector = true;
  manager.addPass(createConvertVectorToLLVMPass(vector));
  manager.addPass(createConvertMathToLLVMPass());
  manager.addPass(createArithToLLVMConversionPass());
  manager.addPass(createConvertIndexToLLVMPass());
  manager.addPass(createFinalizeMemRefToLLVMConversionPass());
  manager.addPass(createConvertControlFlowToLLVMPass());
  manager.addPass(createUBToLLVMConversionPass());
  manager.addPass(createReconcileUnrealizedCastsPass());
}

// Bytes that an intermediate value of one row may take on the stack.
constexpr int64_t kStackBytes = 64 * 1024;

// Brings a module with a kernel on tensors to loops on memrefs. What a row
// needs in between goes on the stack; what does not fit there stays an
// allocation.
void buildBufferizePipeline(OpPassManager& manager) {
  manager.addPass(createCanonicalizerPass());
  manager.addPass(createCSEPass());
  manager.addPass(createLinalgElementwiseOpFusionPass());
  manager.addPass(bufferization::createEmptyTensorEliminationPass());
  manager.addPass(bufferization::createOneShotBufferizePass());
  manager.addPass(createCanonicalizerPass());
  manager.addNestedPass<func::FuncOp>(
      bufferization::createPromoteBuffersToStackPass([](Value value) {
        auto type = cast<MemRefType>(value.getType());
        return type.hasStaticShape() &&
               type.getNumElements() * type.getElementTypeBitWidth() / 8 <=
                   kStackBytes;
      }));
  manager.addPass(createConvertLinalgToLoopsPass());
  manager.addPass(createCanonicalizerPass());
}

// Brings a kernel that still works on tensors to memrefs, and refuses one that
// allocates.
LogicalResult lowerGeneric(func::FuncOp kernel, ModuleOp module) {
  bool onTensors = kernel
                       .walk([](bufferization::ToTensorOp) {
                         return WalkResult::interrupt();
                       })
                       .wasInterrupted();
  if (onTensors) {
    PassManager manager(kernel.getContext());
    buildBufferizePipeline(manager);
    if (failed(manager.run(module))) return failure();
  }
  WalkResult result = module.walk([&](Operation* op) {
    if (!isa<memref::AllocOp, memref::DeallocOp, memref::ReallocOp>(op))
      return WalkResult::advance();
    kernel.emitError("kernel '") << kernel.getName() << "' allocates memory";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

std::unique_ptr<llvm::TargetMachine> makeMachine(const NativeMachine& machine,
                                                 std::string& error) {
  llvm::Triple triple(machine.triple);
  const llvm::Target* found = llvm::TargetRegistry::lookupTarget(triple, error);
  if (!found) return nullptr;
  llvm::TargetOptions options;
  // Sums and products only contract where an emitter wrote fma.
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  return std::unique_ptr<llvm::TargetMachine>(found->createTargetMachine(
      triple, machine.cpu, machine.features, options, llvm::Reloc::PIC_, {},
      llvm::CodeGenOptLevel::Aggressive));
}

void setFunctionAttributes(llvm::Module& module, const NativeMachine& machine) {
  for (llvm::Function& function : module) {
    if (function.isDeclaration()) continue;
    function.addFnAttr("target-cpu", machine.cpu);
    if (!machine.features.empty())
      function.addFnAttr("target-features", machine.features);
    function.addFnAttr("prefer-vector-width",
                       std::to_string(machine.vectorBits));
    function.addFnAttr(llvm::Attribute::NoUnwind);
    // Stacks stay small and never grow with data; no probes are needed.
    function.addFnAttr("no-stack-arg-probe");
  }
}

void optimize(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  // Of the C library kernels may call these two alone.
  llvm::TargetLibraryInfoImpl library(module.getTargetTriple());
  library.disableAllFunctions();
  library.setAvailable(llvm::LibFunc_memcpy);
  library.setAvailable(llvm::LibFunc_memset);
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(library); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, modules);
}

// What the object calls must be what the calling convention allows.
LogicalResult checkUndefinedSymbols(Unit& unit) {
  auto fail = [&](llvm::Error error) {
    return unit.kernel.emitError("cannot read the object: ")
           << llvm::toString(std::move(error));
  };
  auto object = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef({unit.object.data(), unit.object.size()}, "k"));
  if (!object) return fail(object.takeError());
  for (const llvm::object::SymbolRef& symbol : (*object)->symbols()) {
    auto flags = symbol.getFlags();
    if (!flags) return fail(flags.takeError());
    if (!(*flags & llvm::object::SymbolRef::SF_Undefined)) continue;
    auto name = symbol.getName();
    if (!name) return fail(name.takeError());
    if (name->empty() || *name == "memcpy" || *name == "memset") continue;
    return unit.kernel.emitError("kernel '")
           << unit.kernel.getName() << "' calls '" << *name
           << "'; expects calls of memcpy and memset only";
  }
  return success();
}

LogicalResult generateObject(Unit& unit, const NativeMachine& machine) {
  llvm::LLVMContext context;
  std::unique_ptr<llvm::Module> module =
      translateModuleToLLVMIR(unit.module, context, kObjectSymbol);
  if (!module)
    return unit.kernel.emitError("cannot translate kernel '")
           << unit.kernel.getName() << "' to LLVM IR";
  std::string error;
  std::unique_ptr<llvm::TargetMachine> generator = makeMachine(machine, error);
  if (!generator) return unit.kernel.emitError(error);
  module->setTargetTriple(llvm::Triple(machine.triple));
  module->setDataLayout(generator->createDataLayout());
  setFunctionAttributes(*module, machine);
  optimize(*module, *generator);
  llvm::raw_svector_ostream stream(unit.object);
  llvm::legacy::PassManager emission;
  if (generator->addPassesToEmitFile(emission, stream, nullptr,
                                     llvm::CodeGenFileType::ObjectFile))
    return unit.kernel.emitError("cannot emit code for ") << machine.triple;
  emission.run(*module);
  return checkUndefinedSymbols(unit);
}

void initializeLlvm() {
  static const bool once = [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    return true;
  }();
  (void)once;
}

}  // namespace

FailureOr<KernelCode> compileKernels(exec::KernelsOp kernels,
                                     const NativeMachine& machine,
                                     llvm::StringRef cacheDirectory) {
  initializeLlvm();
  MLIRContext* context = kernels.getContext();
  SmallVector<std::string> sizes;
  if (auto program = kernels->getParentOfType<ModuleOp>())
    for (auto size : program.getOps<SizeOp>())
      sizes.push_back(size.getSymName().str());

  const ObjectCache cache(cacheDirectory);
  OwningOpRef<ModuleOp> all = ModuleOp::create(kernels.getLoc());
  std::vector<Unit> units;
  KernelCode code;
  OpBuilder builder = OpBuilder::atBlockEnd(all->getBody());
  for (auto kernel : kernels.getBody().getOps<func::FuncOp>()) {
    units.push_back(Unit{kernel, {}, {}, {}});
    code.symbols.push_back(kernel.getName().str());
  }
  parallelForEach(context, units, [&](Unit& unit) {
    unit.key = cache.key(unit.kernel, machine, sizes);
    if (auto kept = cache.find(unit.key)) unit.object = std::move(*kept);
  });
  for (Unit& unit : units) {
    if (!unit.object.empty()) continue;
    unit.module = ModuleOp::create(builder, unit.kernel.getLoc());
    // Under a name that all kernels have, for objects are shared.
    cast<func::FuncOp>(
        OpBuilder::atBlockEnd(unit.module.getBody()).clone(*unit.kernel))
        .setName(kObjectSymbol);
    if (failed(lowerGeneric(unit.kernel, unit.module))) return failure();
  }
  if (units.empty()) return code;
  PassManager manager(context);
  // Kernels were verified where they were made; between these passes that would
  // take a twentieth of the time that compiling them takes.
  manager.enableVerifier(false);
  buildLoweringPipeline(manager.nest<ModuleOp>(), sizes, machine);
  if (failed(manager.run(*all))) return failure();
  if (failed(failableParallelForEach(context, units, [&](Unit& unit) {
        if (!unit.module) return success();
        if (failed(generateObject(unit, machine))) return failure();
        cache.keep(unit.key, unit.object);
        return success();
      })))
    return failure();

  std::vector<NamedObject> objects;
  for (Unit& unit : units)
    objects.push_back({unit.kernel.getName().str(), std::move(unit.object)});
  llvm::Expected<std::string> library = linkSharedObject(objects);
  if (!library) return kernels.emitError(llvm::toString(library.takeError()));
  code.bytes = std::move(*library);
  return code;
}

void registerNativeCodeDialects(DialectRegistry& registry) {
  registerBuiltinDialectTranslation(registry);
  registerLLVMDialectTranslation(registry);
  // Kernels that are made of an op's linalg form.
  arith::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerBufferizableOpInterfaceExternalModels(registry);
  linalg::registerSubsetOpInterfaceExternalModels(registry);
  scf::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerBufferizableOpInterfaceExternalModels(registry);
  tensor::registerSubsetOpInterfaceExternalModels(registry);
}

}  // namespace graft
