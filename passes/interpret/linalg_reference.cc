// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "passes/interpret/linalg_reference.h"

#include <limits>

#include "dialects/graft/element_function.h"
#include "dialects/graft/graft_interfaces.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "passes/interpret/scalar_function.h"

using namespace mlir;

namespace graft::interpret {
namespace {

using Shape = SmallVector<int64_t>;
using TensorPtr = std::shared_ptr<Tensor>;

Scalar toScalar(double value, Type element) {
  if (isa<FloatType>(element)) return {value, 0};
  return {0, static_cast<int64_t>(value)};
}

double fromScalar(Scalar value, Type element) {
  return isa<FloatType>(element) ? value.real
                                 : static_cast<double>(value.integer);
}

// The position of an element in memory; -1 if an index is out of range.
int64_t linearize(ArrayRef<int64_t> indices, ArrayRef<int64_t> shape) {
  int64_t at = 0;
  for (auto [index, size] : llvm::zip_equal(indices, shape)) {
    if (index < 0 || index >= size) return -1;
    at = at * size + index;
  }
  return at;
}

// Steps through all indices below `extents`, the last fastest; false at the
// end.
bool advance(MutableArrayRef<int64_t> indices, ArrayRef<int64_t> extents) {
  for (size_t dim = indices.size(); dim-- > 0;) {
    if (++indices[dim] < extents[dim]) return true;
    indices[dim] = 0;
  }
  return false;
}

int64_t evaluate(AffineExpr expression, ArrayRef<int64_t> dims) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expression))
    return constant.getValue();
  if (auto dim = dyn_cast<AffineDimExpr>(expression))
    return dims[dim.getPosition()];
  auto binary = cast<AffineBinaryOpExpr>(expression);
  int64_t a = evaluate(binary.getLHS(), dims);
  int64_t b = evaluate(binary.getRHS(), dims);
  switch (expression.getKind()) {
    case AffineExprKind::Add:
      return a + b;
    case AffineExprKind::Mul:
      return a * b;
    case AffineExprKind::Mod:
      return b > 0 ? llvm::mod(a, b) : 0;
    case AffineExprKind::FloorDiv:
      return b ? llvm::divideFloorSigned(a, b) : 0;
    default:
      return b ? llvm::divideCeilSigned(a, b) : 0;
  }
}

// Evaluates the ops of one linalg form.
class Evaluator {
 public:
  explicit Evaluator(Operation* op) : op(op) {}

  void setTensor(mlir::Value value, ArrayRef<int64_t> shape,
                 std::vector<double> elements) {
    auto tensor = std::make_shared<Tensor>();
    tensor->shape = Shape(shape);
    tensor->values = std::move(elements);
    tensors[value] = std::move(tensor);
  }
  const Tensor& getTensor(mlir::Value value) const {
    return *tensors.find(value)->second;
  }

  LogicalResult run(Block& body) {
    for (Operation& inner : body)
      if (failed(runOp(&inner))) return failure();
    return success();
  }

  static bool isKnown(Operation& inner);

 private:
  // One op of the body of a linalg op; operands and result are places in a
  // frame of scalars.
  struct Step {
    ScalarFunction function;
    SmallVector<unsigned, 3> operands;
    unsigned result;
  };

  LogicalResult runOp(Operation* inner);
  LogicalResult runLinalg(linalg::LinalgOp loops);
  LogicalResult runExtract(tensor::ExtractOp extract);
  LogicalResult runExtractSlice(tensor::ExtractSliceOp slice);
  LogicalResult runInsertSlice(tensor::InsertSliceOp slice);
  LogicalResult runConstant(arith::ConstantOp constant);
  LogicalResult reshape(mlir::Value source, mlir::Value result, Shape shape);
  FailureOr<Shape> getExtents(linalg::LinalgOp loops);
  // The function of an op in a loop whose indices are `indices`.
  ScalarFunction getFunction(Operation* inner, ArrayRef<int64_t> indices);

  LogicalResult fail(Operation* inner, const Twine& why) {
    return op->emitOpError("has a linalg form whose '")
           << inner->getName() << "' " << why;
  }
  int64_t getInteger(OpFoldResult value) {
    if (auto attribute = dyn_cast<Attribute>(value))
      return cast<IntegerAttr>(attribute).getInt();
    return scalars.lookup(cast<mlir::Value>(value)).integer;
  }
  Shape getIntegers(ArrayRef<OpFoldResult> values) {
    Shape integers;
    for (OpFoldResult value : values) integers.push_back(getInteger(value));
    return integers;
  }

  Operation* op;
  llvm::DenseMap<mlir::Value, TensorPtr> tensors;
  llvm::DenseMap<mlir::Value, Scalar> scalars;
  bool outOfRange = false;  // in the body of a loop
};

bool Evaluator::isKnown(Operation& inner) {
  if (auto loops = dyn_cast<linalg::LinalgOp>(inner))
    return loops.hasPureTensorSemantics() &&
           llvm::all_of(
               loops.getBlock()->without_terminator(), [](Operation& scalar) {
                 return isa<linalg::IndexOp, tensor::ExtractOp>(scalar) ||
                        getScalarFunction(&scalar);
               });
  if (auto constant = dyn_cast<arith::ConstantOp>(inner))
    if (isa<DenseElementsAttr>(constant.getValue())) return true;
  return isa<tensor::CastOp, tensor::CollapseShapeOp, tensor::DimOp,
             tensor::EmptyOp, tensor::ExpandShapeOp, tensor::ExtractOp,
             tensor::ExtractSliceOp, tensor::InsertSliceOp>(inner) ||
         getScalarFunction(&inner);
}

LogicalResult Evaluator::runOp(Operation* inner) {
  if (auto loops = dyn_cast<linalg::LinalgOp>(inner)) return runLinalg(loops);
  if (auto extract = dyn_cast<tensor::ExtractOp>(inner))
    return runExtract(extract);
  if (auto slice = dyn_cast<tensor::ExtractSliceOp>(inner))
    return runExtractSlice(slice);
  if (auto slice = dyn_cast<tensor::InsertSliceOp>(inner))
    return runInsertSlice(slice);
  mlir::Value result = inner->getResult(0);
  if (auto empty = dyn_cast<tensor::EmptyOp>(inner)) {
    Shape shape = getIntegers(empty.getMixedSizes());
    setTensor(result, shape,
              std::vector<double>(llvm::product_of(shape),
                                  std::numeric_limits<double>::quiet_NaN()));
    return success();
  }
  if (auto dim = dyn_cast<tensor::DimOp>(inner)) {
    const Shape& shape = getTensor(dim.getSource()).shape;
    int64_t index = scalars.lookup(dim.getIndex()).integer;
    if (index < 0 || index >= static_cast<int64_t>(shape.size()))
      return fail(inner, "reads a dimension out of range");
    scalars[result] = {0, shape[index]};
    return success();
  }
  if (isa<tensor::CastOp>(inner))
    return reshape(inner->getOperand(0), result,
                   getTensor(inner->getOperand(0)).shape);
  if (auto expand = dyn_cast<tensor::ExpandShapeOp>(inner))
    return reshape(expand.getSrc(), result,
                   getIntegers(expand.getMixedOutputShape()));
  if (auto collapse = dyn_cast<tensor::CollapseShapeOp>(inner)) {
    const Shape& from = getTensor(collapse.getSrc()).shape;
    Shape shape;
    for (const ReassociationIndices& group :
         collapse.getReassociationIndices()) {
      shape.push_back(1);
      for (int64_t dim : group) shape.back() *= from[dim];
    }
    return reshape(collapse.getSrc(), result, shape);
  }
  if (auto constant = dyn_cast<arith::ConstantOp>(inner))
    if (isa<DenseElementsAttr>(constant.getValue()))
      return runConstant(constant);
  SmallVector<Scalar> operands;
  for (mlir::Value operand : inner->getOperands())
    operands.push_back(scalars.lookup(operand));
  scalars[result] = getScalarFunction(inner)(operands);
  return success();
}

LogicalResult Evaluator::reshape(mlir::Value source, mlir::Value result,
                                 Shape shape) {
  const Tensor& from = getTensor(source);
  if (llvm::product_of(shape) != from.size())
    return fail(result.getDefiningOp(), "changes the number of elements");
  setTensor(result, shape, from.values);
  return success();
}

LogicalResult Evaluator::runConstant(arith::ConstantOp constant) {
  auto dense = cast<DenseElementsAttr>(constant.getValue());
  std::vector<double> elements;
  if (isa<FloatType>(dense.getElementType())) {
    for (const APFloat& value : dense.getValues<APFloat>()) {
      bool loses = false;
      APFloat wide = value;
      wide.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven, &loses);
      elements.push_back(wide.convertToDouble());
    }
  } else {
    bool isBit = dense.getElementType().isInteger(1);
    for (const APInt& value : dense.getValues<APInt>())
      elements.push_back(static_cast<double>(isBit ? value.getZExtValue()
                                                   : value.getSExtValue()));
  }
  setTensor(constant.getResult(), dense.getType().getShape(),
            std::move(elements));
  return success();
}

LogicalResult Evaluator::runExtract(tensor::ExtractOp extract) {
  const Tensor& source = getTensor(extract.getTensor());
  Shape indices;
  for (mlir::Value index : extract.getIndices())
    indices.push_back(scalars.lookup(index).integer);
  int64_t at = linearize(indices, source.shape);
  if (at < 0) return fail(extract, "reads an element out of range");
  scalars[extract.getResult()] = toScalar(source.values[at], extract.getType());
  return success();
}

LogicalResult Evaluator::runExtractSlice(tensor::ExtractSliceOp slice) {
  const Tensor& source = getTensor(slice.getSource());
  Shape offsets = getIntegers(slice.getMixedOffsets());
  Shape sizes = getIntegers(slice.getMixedSizes());
  Shape strides = getIntegers(slice.getMixedStrides());
  std::vector<double> elements;
  Shape at(sizes.size(), 0), from(sizes.size());
  if (llvm::product_of(sizes) > 0) do {
      for (size_t dim = 0; dim < at.size(); ++dim)
        from[dim] = offsets[dim] + at[dim] * strides[dim];
      int64_t place = linearize(from, source.shape);
      if (place < 0) return fail(slice, "reads an element out of range");
      elements.push_back(source.values[place]);
    } while (advance(at, sizes));
  llvm::SmallBitVector dropped = slice.getDroppedDims();
  Shape shape;
  for (auto [dim, size] : llvm::enumerate(sizes))
    if (!dropped.test(dim)) shape.push_back(size);
  setTensor(slice.getResult(), shape, std::move(elements));
  return success();
}

LogicalResult Evaluator::runInsertSlice(tensor::InsertSliceOp slice) {
  const Tensor& source = getTensor(slice.getSource());
  const Tensor& target = getTensor(slice.getDest());
  Shape offsets = getIntegers(slice.getMixedOffsets());
  Shape sizes = getIntegers(slice.getMixedSizes());
  Shape strides = getIntegers(slice.getMixedStrides());
  if (llvm::product_of(sizes) != source.size())
    return fail(slice, "inserts another number of elements");
  std::vector<double> elements = target.values;
  Shape at(sizes.size(), 0), to(sizes.size());
  for (double element : source.values) {
    for (size_t dim = 0; dim < at.size(); ++dim)
      to[dim] = offsets[dim] + at[dim] * strides[dim];
    int64_t place = linearize(to, target.shape);
    if (place < 0) return fail(slice, "writes an element out of range");
    elements[place] = element;
    advance(at, sizes);
  }
  setTensor(slice.getResult(), target.shape, std::move(elements));
  return success();
}

FailureOr<Shape> Evaluator::getExtents(linalg::LinalgOp loops) {
  Shape extents(loops.getNumLoops(), -1);
  for (OpOperand& operand : loops->getOpOperands()) {
    if (!isa<RankedTensorType>(operand.get().getType())) continue;
    const Shape& shape = getTensor(operand.get()).shape;
    AffineMap map = loops.getMatchingIndexingMap(&operand);
    for (auto [expression, size] : llvm::zip_equal(map.getResults(), shape)) {
      auto dim = dyn_cast<AffineDimExpr>(expression);
      if (!dim) continue;
      int64_t& extent = extents[dim.getPosition()];
      if (extent >= 0 && extent != size)
        return fail(loops, "has loops of two lengths");
      extent = size;
    }
  }
  if (llvm::is_contained(extents, -1))
    return fail(loops, "has a loop whose length no operand gives");
  return extents;
}

ScalarFunction Evaluator::getFunction(Operation* inner,
                                      ArrayRef<int64_t> indices) {
  if (auto index = dyn_cast<linalg::IndexOp>(inner))
    return [&current = indices[index.getDim()]](ArrayRef<Scalar>) {
      return Scalar{0, current};
    };
  auto extract = dyn_cast<tensor::ExtractOp>(inner);
  if (!extract) return getScalarFunction(inner);
  TensorPtr source = tensors.lookup(extract.getTensor());
  return [this, source, type = extract.getType()](ArrayRef<Scalar> operands) {
    Shape at;
    for (Scalar operand : operands.drop_front()) at.push_back(operand.integer);
    int64_t place = linearize(at, source->shape);
    outOfRange |= place < 0;
    return place < 0 ? Scalar() : toScalar(source->values[place], type);
  };
}

LogicalResult Evaluator::runLinalg(linalg::LinalgOp loops) {
  FailureOr<Shape> extents = getExtents(loops);
  if (failed(extents)) return failure();
  Shape indices(extents->size(), 0);
  Block& body = *loops.getBlock();

  // Scalars of the body lie in one frame; those from outside are set once.
  llvm::DenseMap<mlir::Value, unsigned> places;
  SmallVector<Scalar> frame;
  auto placeOf = [&](mlir::Value value) {
    auto [it, isNew] = places.try_emplace(value, frame.size());
    if (isNew) frame.push_back(scalars.lookup(value));
    return it->second;
  };
  for (BlockArgument argument : body.getArguments()) placeOf(argument);
  std::vector<Step> steps;
  for (Operation& inner : body.without_terminator()) {
    Step step{getFunction(&inner, indices), {}, 0};
    for (mlir::Value operand : inner.getOperands())
      step.operands.push_back(placeOf(operand));
    step.result = placeOf(inner.getResult(0));
    steps.push_back(std::move(step));
  }
  SmallVector<unsigned> yielded;
  for (mlir::Value value : body.getTerminator()->getOperands())
    yielded.push_back(placeOf(value));

  struct Access {
    TensorPtr tensor;  // null for a scalar
    Scalar scalar;
    AffineMap map;
    Type element;
  };
  SmallVector<Access> accesses;
  for (OpOperand& operand : loops->getOpOperands())
    accesses.push_back({tensors.lookup(operand.get()),
                        scalars.lookup(operand.get()),
                        loops.getMatchingIndexingMap(&operand),
                        getElementTypeOrSelf(operand.get().getType())});
  size_t inputs = loops.getNumDpsInputs();
  for (Access& access : MutableArrayRef(accesses).drop_front(inputs))
    access.tensor = std::make_shared<Tensor>(*access.tensor);

  auto place = [&](const Access& access) {
    Shape at;
    for (AffineExpr expression : access.map.getResults())
      at.push_back(evaluate(expression, indices));
    return linearize(at, access.tensor->shape);
  };
  SmallVector<Scalar> operands;
  bool isEmpty = llvm::is_contained(*extents, 0);
  if (!isEmpty) do {
      for (BlockArgument argument : body.getArguments()) {
        const Access& access = accesses[argument.getArgNumber()];
        int64_t at = access.tensor ? place(access) : 0;
        if (at < 0) return fail(loops, "reads an element out of range");
        frame[argument.getArgNumber()] =
            access.tensor ? toScalar(access.tensor->values[at], access.element)
                          : access.scalar;
      }
      for (const Step& step : steps) {
        operands.clear();
        for (unsigned operand : step.operands)
          operands.push_back(frame[operand]);
        frame[step.result] = step.function(operands);
      }
      for (auto [index, value] : llvm::enumerate(yielded)) {
        Access& access = accesses[inputs + index];
        access.tensor->values[place(access)] =
            fromScalar(frame[value], access.element);
      }
    } while (advance(indices, *extents));
  if (outOfRange) return fail(loops, "reads an element out of range");
  for (auto [index, result] : llvm::enumerate(loops->getResults()))
    tensors[result] = accesses[inputs + index].tensor;
  return success();
}

// Binds what an operand of the op is in the form, from `argument` on.
void bindOperand(Evaluator& evaluator, Block& body, unsigned& argument,
                 const Value& operand) {
  if (operand.isTensor()) {
    const Tensor& tensor = operand.tensor();
    evaluator.setTensor(body.getArgument(argument++), tensor.shape,
                        tensor.values);
    return;
  }
  const Segments& segments = operand.segments();
  std::vector<double> rows;
  for (int64_t s = 0; s < segments.sequences(); ++s)
    rows.insert(rows.end(), segments.length(s), static_cast<double>(s));
  auto bind = [&](std::vector<double> elements) {
    auto size = static_cast<int64_t>(elements.size());
    evaluator.setTensor(body.getArgument(argument++), {size},
                        std::move(elements));
  };
  bind({segments.offsets.begin(), segments.offsets.end()});
  bind({segments.ordinals.begin(), segments.ordinals.end()});
  bind(std::move(rows));
}

}  // namespace

std::string findUnknownInLinalg(Operation* op) {
  std::string name = op->getName().getStringRef().str();
  FailureOr<LinalgForm> form = LinalgForm::build(op);
  if (failed(form)) return "does not know '" + name + "'";
  for (Operation& inner : form->getBody())
    if (!Evaluator::isKnown(inner))
      return "does not know '" + inner.getName().getStringRef().str() +
             "', of the linalg form of '" + name + "'";
  return "";
}

LogicalResult computeByLinalg(OpCall& call) {
  Operation* op = call.getOperation();
  FailureOr<LinalgForm> form = LinalgForm::build(op);
  if (failed(form))
    return op->emitOpError("expects a linalg form that verifies, got none");
  Evaluator evaluator(op);
  unsigned argument = 0;
  for (unsigned i = 0; i < call.numOperands(); ++i)
    bindOperand(evaluator, form->getBody(), argument, call.operand(i));
  if (failed(evaluator.run(form->getBody()))) return failure();
  for (auto [index, value] : llvm::enumerate(form->getResults())) {
    const Tensor& tensor = evaluator.getTensor(value);
    Tensor& result = call.result(index);
    if (tensor.shape != result.shape)
      return op->emitOpError(
                 "expects its linalg form to give the shape of "
                 "result ")
             << index << ", got " << value.getType();
    result.values = tensor.values;
  }
  return success();
}

}  // namespace graft::interpret
