// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Functions of symmetric matrices by cyclic Jacobi rotations (Golub and Van
// Loan, Matrix Computations, 8.5), in fp64 and by one work item: the matrices
// are small, and each rotation needs the one before it.

#include "dialects/graft/graft_ops.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "passes/lower/cpu/builder/row_kernel.h"
#include "passes/lower/cpu/emitters.h"

using namespace mlir;

namespace graft {
namespace {

// Passes over all pairs of rows. Convergence is quadratic: of random matrices
// f f^T of 64 rows, nine leave less than 1e-16 of the norm beside the diagonal.
constexpr int64_t kSweeps = 14;

// A square matrix of fp64 on the stack.
class Matrix {
 public:
  Matrix(VectorBuilder& v, int64_t rows)
      : v(v),
        rows(rows),
        buffer(memref::AllocaOp::create(
            v.b(), v.location(),
            MemRefType::get({rows * rows}, v.b().getF64Type()))) {}

  Value load(Value i, Value j) const {
    return memref::LoadOp::create(v.b(), v.location(), buffer, at(i, j));
  }
  void store(Value value, Value i, Value j) const {
    memref::StoreOp::create(v.b(), v.location(), value, buffer, at(i, j));
  }
  Value at(Value i, Value j) const {
    return v.addIndex(v.mulIndex(i, rows), j);
  }

 private:
  VectorBuilder& v;
  int64_t rows;
  Value buffer;
};

class SpectralEmitter {
 public:
  SpectralEmitter(VectorBuilder& v, SpectralOp op, int64_t rows)
      : v(v), op(op), rows(rows), matrix(v, rows), vectors(v, rows) {}

  void emit(Value input, Value output) {
    begin(input);
    v.loop(v.index(0), v.index(kSweeps), 1, [&](Value) {
      forRows([&](Value p) {
        v.loop(v.addIndex(p, 1), v.index(rows), 1,
               [&](Value q) { rotate(p, q); });
      });
    });
    applyFunction();
    forRows([&](Value i) {
      forRows([&](Value j) {
        Value sum =
            v.loop(v.index(0), v.index(rows), 1, number(0),
                   [&](Value k, ValueRange carried) {
                     Value scaled = mul(vectors.load(i, k), matrix.load(k, k));
                     return SmallVector<Value>{
                         add(carried[0], mul(scaled, vectors.load(j, k)))};
                   })
                .front();
        v.storeScalar(arith::TruncFOp::create(v.b(), v.location(),
                                              v.b().getF32Type(), sum),
                      output, matrix.at(i, j));
      });
    });
  }

 private:
  // The symmetric part of the input, and the identity.
  void begin(Value input) {
    auto read = [&](Value i, Value j) -> Value {
      return arith::ExtFOp::create(v.b(), v.location(), v.b().getF64Type(),
                                   v.loadScalar(input, matrix.at(i, j)));
    };
    forRows([&](Value i) {
      forRows([&](Value j) {
        matrix.store(mul(number(0.5), add(read(i, j), read(j, i))), i, j);
        Value same = arith::CmpIOp::create(v.b(), v.location(),
                                           arith::CmpIPredicate::eq, i, j);
        vectors.store(v.select(same, number(1), number(0)), i, j);
      });
    });
  }

  // Turns rows and columns p and q so that the element at (p, q) vanishes.
  void rotate(Value p, Value q) {
    Value off = matrix.load(p, q);
    Value theta = div(sub(matrix.load(q, q), matrix.load(p, p)), add(off, off));
    Value root = sqrt(add(mul(theta, theta), number(1)));
    Value size = math::AbsFOp::create(v.b(), v.location(), theta);
    Value tangent = math::CopySignOp::create(
        v.b(), v.location(), div(number(1), add(size, root)), theta);
    Value none = arith::CmpFOp::create(
        v.b(), v.location(), arith::CmpFPredicate::OEQ, off, number(0));
    tangent = v.select(none, number(0), tangent);
    Value cosine = div(number(1), sqrt(add(mul(tangent, tangent), number(1))));
    Value sine = mul(tangent, cosine);
    auto turn = [&](const Matrix& of, bool columns) {
      forRows([&](Value k) {
        auto [ip, jp] = columns ? std::pair(k, p) : std::pair(p, k);
        auto [iq, jq] = columns ? std::pair(k, q) : std::pair(q, k);
        Value a = of.load(ip, jp), b = of.load(iq, jq);
        of.store(sub(mul(cosine, a), mul(sine, b)), ip, jp);
        of.store(add(mul(sine, a), mul(cosine, b)), iq, jq);
      });
    };
    turn(matrix, /*columns=*/true);
    turn(matrix, /*columns=*/false);
    turn(vectors, /*columns=*/true);
    // What rounding leaves there would be turned again and again.
    matrix.store(number(0), p, q);
    matrix.store(number(0), q, p);
  }

  // The function of each eigenvalue, in its place.
  void applyFunction() {
    Value largest =
        v.loop(v.index(0), v.index(rows), 1, number(0),
               [&](Value i, ValueRange carried) {
                 return SmallVector<Value>{arith::MaximumFOp::create(
                     v.b(), v.location(), carried[0], matrix.load(i, i))};
               })
            .front();
    Value limit = mul(number(op.getAbove().convertToDouble()), largest);
    forRows([&](Value i) {
      Value value = matrix.load(i, i);
      // Unordered, so that NaN stays NaN.
      Value counts = arith::CmpFOp::create(
          v.b(), v.location(), arith::CmpFPredicate::UGT, value, limit);
      Value result = value;
      if (op.getKind() != SpectralKind::inverse) result = sqrt(result);
      if (op.getKind() != SpectralKind::root) result = div(number(1), result);
      matrix.store(v.select(counts, result, number(0)), i, i);
    });
  }

  void forRows(llvm::function_ref<void(Value)> body) {
    v.loop(v.index(0), v.index(rows), 1, body);
  }
  Value number(double value) {
    return v.constant(v.b().getF64FloatAttr(value));
  }
  Value add(Value a, Value b) {
    return arith::AddFOp::create(v.b(), v.location(), a, b);
  }
  Value sub(Value a, Value b) {
    return arith::SubFOp::create(v.b(), v.location(), a, b);
  }
  Value mul(Value a, Value b) {
    return arith::MulFOp::create(v.b(), v.location(), a, b);
  }
  Value div(Value a, Value b) {
    return arith::DivFOp::create(v.b(), v.location(), a, b);
  }
  Value sqrt(Value a) { return math::SqrtOp::create(v.b(), v.location(), a); }

  VectorBuilder& v;
  SpectralOp op;
  int64_t rows;
  Matrix matrix;   // becomes diagonal
  Matrix vectors;  // eigenvectors, a column each
};

LogicalResult emitSpectral(Operation* operation, OpBuilder& builder,
                           CpuContext& context) {
  auto op = cast<SpectralOp>(operation);
  FailureOr<int64_t> rows = staticWidth(op, op.getInput().getType());
  if (failed(rows)) return failure();
  return replaceByKernel(
      op, builder, context,
      exec::GridAttr::get(op.getContext(), StringAttr(), 1, 1), {},
      [&](VectorBuilder& v, const KernelArguments& arguments,
          ArrayRef<Value> flat) {
        SpectralEmitter emitter(v, op, *rows);
        v.loop(arguments.begin, arguments.end, 1,
               [&](Value) { emitter.emit(flat[0], flat[1]); });
      });
}

}  // namespace

void populateSpectralEmitters(KernelEmitters& emitters) {
  emitters[SpectralOp::getOperationName()] = emitSpectral;
}

}  // namespace graft
