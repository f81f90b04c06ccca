// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Stage 6: graft ops become launches of kernels on memrefs.

#ifndef GRAFT_PASSES_LOWER_PASSES_TD
#define GRAFT_PASSES_LOWER_PASSES_TD

include "mlir/Pass/PassBase.td"

def LowerOutlinePass : Pass<"lower-outline", "mlir::ModuleOp"> {
  let summary = "Replace the ops of phase functions by kernel launches";
  let description = [{
    In each function with a `graft.phase` attribute, every op that computes
    becomes launches of kernels made for one target (passes/lower/target.h). The
    kernels lie in `exec.kernels @kernels`. An op that the target cannot lower is
    an error: targets of the CPU take its emitter or, for an op without one, its
    `RegionLoweringInterface`.

    Example: with `target=avx512`
    ```mlir
    %y = graft.relu %x : tensor<?x4xf32, #graft.dims<T>>
    ```
    becomes
    ```mlir
    %y = exec.launch @kernels::@relu.0(%x) grid <T / 64> ties [0, 0] : ...
    ```
  }];
  let options = [
    Option<"target", "target", "std::string", "\"avx512\"",
           "Name of a registered target, such as avx2, avx512, avx512_bf16, "
           "amx_bf16 or aarch64">,
    Option<"generic", "generic", "bool", "false",
           "Prefer an op's RegionLoweringInterface to an emitter for it">,
    Option<"share", "share", "bool", "true",
           "Let ops whose emitter says that their kernels are equal have one; "
           "without, each op has its own until lower-merge-kernels">,
  ];
  let dependentDialects = [
    "::graft::exec::ExecDialect", "::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::linalg::LinalgDialect",
    "::mlir::LLVM::LLVMDialect",
    "::mlir::bufferization::BufferizationDialect",
    "::mlir::math::MathDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect",
    "::mlir::vector::VectorDialect"];
}

def LowerMergeKernelsPass : Pass<"lower-merge-kernels", "mlir::ModuleOp"> {
  let summary = "Merge kernels with equal bodies";
  let description = [{
    Kernels that do the same (types, attributes and operations equal, locations
    aside) become the first of them, and launches name that one. So the size of
    the code does not grow with the number of layers. Kernels that no launch
    names are removed, the others numbered without gaps.

    Example: of
    ```mlir
    %a = exec.launch @kernels::@relu.0(%x) ...
    %b = exec.launch @kernels::@relu.1(%a) ...
    ```
    both launch `@kernels::@relu.0` afterwards, if the types are the same.
  }];
}

def LowerVectorMathPass : Pass<"lower-vector-math"> {
  let summary = "Expand math functions into polynomials on vectors";
  let description = [{
    Replaces `math` operations that no instruction does (exp, log, tanh, erf,
    ...) by polynomials on the lanes of a vector, or on a scalar. Errors in
    units in the last place: see passes/lower/native/vector_math.cc.

    Example:
    ```mlir
    %y = math.exp %x : vector<16xf32>
    ```
    becomes range reduction and a polynomial in `math.fma`. Rounding to bf16
    becomes arithmetic of integers unless the target does it.
  }];
  let options = [
    Option<"roundsBf16", "rounds-bf16", "bool", "false",
           "Whether the target rounds f32 to bf16 by an instruction">,
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
    "::mlir::vector::VectorDialect"];
}

def LowerKernelEntryPass : Pass<"lower-kernel-entry", "mlir::ModuleOp"> {
  let summary = "Give kernels the C calling convention";
  let description = [{
    Turns each `func.func` with an `exec.sizes` attribute into an `llvm.func`
    of the C type `GraftKernel` (runtime/schema/kernel_abi.h), which loads the
    pointers, sizes and the random state that the body needs and rebuilds the
    memrefs. `sizes` are the program's named sizes in the order of its table.

    Example:
    ```mlir
    func.func @k(%x: memref<?x4xf32> {exec.dims = ["T"]}, %T: index, ...)
        attributes {exec.sizes = ["T"]}
    ```
    becomes
    ```mlir
    llvm.func @k(%buffers: !llvm.ptr, %sizes: !llvm.ptr, %random: !llvm.ptr,
                 %begin: i64, %end: i64)
    ```
  }];
  let options = [
    ListOption<"sizes", "sizes", "std::string",
               "The program's named sizes in order">,
  ];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect",
                           "::mlir::arith::ArithDialect"];
}

#endif  // GRAFT_PASSES_LOWER_PASSES_TD
