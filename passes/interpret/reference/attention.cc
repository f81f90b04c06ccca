// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Attention over packed sequences and its gradient. For one sequence of length
// L and one head, with q, k, v, o and do [L, D]:
//   p = softmax(scale q k^T)   a = dropout(p)   o = a v
//   dv = a^T do   dp = dropout(do v^T)   ds = p * (dp - rowsum(dp * p))
//   dq = scale ds k   dk = scale ds^T q
// The gradients of dq, dk and dv, from the incoming i, j and l, with x = dp:
//   w = scale (i k^T + q j^T)   e = p * (w - rowsum(w * p))
//   b = w * (x - rowsum(x * p)) - rowsum(w * p) x + dropout(do l^T)
//   c = p * (b - rowsum(b * p))
//   ddo = dropout(e) v + a l   dv = dropout(e)^T do
//   dq = scale (c k + ds j)   dk = scale (c^T q + ds^T i), ds without scale

#include <cmath>

#include "dialects/graft/graft_ops.h"
#include "passes/interpret/interpreter.h"
#include "passes/interpret/reference/util.h"

using namespace mlir;

namespace graft::interpret {
namespace {

struct Attention {
  const Tensor& query;
  const Tensor& key;
  const Tensor& value;
  const Segments& segments;
  int64_t heads;
  int64_t width;  // D
  double scale;
  Dropout dropout;
  int64_t firstHead;  // of the whole op, where this is a part of one
};

// `first` is the index of the query among the operands.
template <typename Op>
Attention makeAttention(OpCall& call, unsigned first) {
  auto op = call.as<Op>();
  const Tensor& query = call.tensor(first);
  int64_t heads = static_cast<int64_t>(op.getHeads());
  int64_t width = query.columns() / heads;
  return {query,
          call.tensor(first + 1),
          call.tensor(first + 2),
          call.segments(first + 3),
          heads,
          width,
          op.getScale() ? op.getScale()->convertToDouble()
                        : 1 / std::sqrt(static_cast<double>(width)),
          Dropout(call.getRandom(), op.getDropout().convertToDouble(),
                  static_cast<int64_t>(op.getRandomId().value_or(0)),
                  static_cast<int64_t>(op.getDraw())),
          call.getRandom().state.firstHead};
}

// Probabilities [L] of query `t` in sequence `s` and head `h`.
std::vector<double> probabilities(const Attention& attention, int64_t s,
                                  int64_t h, int64_t t) {
  int64_t begin = attention.segments.begin(s);
  std::vector<double> row(static_cast<size_t>(attention.segments.length(s)));
  const double* q = attention.query.row(t) + h * attention.width;
  for (size_t u = 0; u < row.size(); ++u) {
    const double* k = attention.key.row(begin + static_cast<int64_t>(u)) +
                      h * attention.width;
    for (int64_t d = 0; d < attention.width; ++d) row[u] += q[d] * k[d];
    row[u] *= attention.scale;
  }
  softmaxRow(row.data(), row.data(), static_cast<int64_t>(row.size()), false);
  return row;
}

void dropRow(const Attention& attention, std::vector<double>& row, int64_t s,
             int64_t h, int64_t t) {
  attention.dropout.apply(row.data(), static_cast<int64_t>(row.size()),
                          attention.firstHead + h,
                          t - attention.segments.begin(s),
                          attention.segments.ordinals[static_cast<size_t>(s)]);
}

// Calls `body(sequence, head, query)` for each row of probabilities.
template <typename Body>
void forEachRow(const Attention& attention, Body body) {
  for (int64_t s = 0; s < attention.segments.sequences(); ++s)
    for (int64_t h = 0; h < attention.heads; ++h)
      for (int64_t t = attention.segments.begin(s);
           t < attention.segments.end(s); ++t)
        body(s, h, t);
}

LogicalResult attend(OpCall& call) {
  Attention attention = makeAttention<AttentionOp>(call, 0);
  Tensor& output = call.result();
  forEachRow(attention, [&](int64_t s, int64_t h, int64_t t) {
    std::vector<double> row = probabilities(attention, s, h, t);
    dropRow(attention, row, s, h, t);
    double* out = output.row(t) + h * attention.width;
    for (size_t u = 0; u < row.size(); ++u) {
      const double* v = attention.value.row(attention.segments.begin(s) +
                                            static_cast<int64_t>(u)) +
                        h * attention.width;
      for (int64_t d = 0; d < attention.width; ++d) out[d] += row[u] * v[d];
    }
  });
  return success();
}

LogicalResult attendGradient(OpCall& call) {
  const Tensor& gradient = call.tensor(0);
  Attention attention = makeAttention<AttentionGradientOp>(call, 1);
  int64_t width = attention.width;
  forEachRow(attention, [&](int64_t s, int64_t h, int64_t t) {
    int64_t begin = attention.segments.begin(s);
    std::vector<double> p = probabilities(attention, s, h, t);
    std::vector<double> a = p;
    dropRow(attention, a, s, h, t);
    const double* go = gradient.row(t) + h * width;
    std::vector<double> dp(p.size());
    for (size_t u = 0; u < p.size(); ++u) {
      int64_t at = begin + static_cast<int64_t>(u);
      const double* v = attention.value.row(at) + h * width;
      double* dv = call.result(2).row(at) + h * width;
      for (int64_t d = 0; d < width; ++d) {
        dp[u] += go[d] * v[d];
        dv[d] += a[u] * go[d];
      }
    }
    dropRow(attention, dp, s, h, t);
    double sum = 0;
    for (size_t u = 0; u < p.size(); ++u) sum += dp[u] * p[u];
    const double* q = attention.query.row(t) + h * width;
    double* dq = call.result(0).row(t) + h * width;
    for (size_t u = 0; u < p.size(); ++u) {
      int64_t at = begin + static_cast<int64_t>(u);
      double ds = attention.scale * p[u] * (dp[u] - sum);
      const double* k = attention.key.row(at) + h * width;
      double* dk = call.result(1).row(at) + h * width;
      for (int64_t d = 0; d < width; ++d) {
        dq[d] += ds * k[d];
        dk[d] += ds * q[d];
      }
    }
  });
  return success();
}

// The terms of one query, an element a key.
struct SecondRow {
  std::vector<double> p, a, ds, e, c;
};

// `x` and `mixed` are do v^T and do l^T, `w` as above.
SecondRow makeSecondRow(std::vector<double> p, const std::vector<double>& a,
                        const std::vector<double>& x,
                        const std::vector<double>& w,
                        const std::vector<double>& mixed) {
  size_t keys = p.size();
  double meanX = 0, meanW = 0, meanB = 0;
  for (size_t u = 0; u < keys; ++u) {
    meanX += p[u] * x[u];
    meanW += p[u] * w[u];
  }
  SecondRow row{std::move(p), a, std::vector<double>(keys),
                std::vector<double>(keys), std::vector<double>(keys)};
  for (size_t u = 0; u < keys; ++u) {
    row.ds[u] = row.p[u] * (x[u] - meanX);
    row.e[u] = row.p[u] * (w[u] - meanW);
    row.c[u] = w[u] * (x[u] - meanX) - meanW * x[u] + mixed[u];
    meanB += row.p[u] * row.c[u];
  }
  for (size_t u = 0; u < keys; ++u) row.c[u] = row.p[u] * (row.c[u] - meanB);
  return row;
}

LogicalResult attendSecondGradient(OpCall& call) {
  Attention attention = makeAttention<AttentionSecondGradientOp>(call, 4);
  int64_t width = attention.width;
  forEachRow(attention, [&](int64_t s, int64_t h, int64_t t) {
    auto operand = [&](unsigned index, int64_t at) {
      return call.tensor(index).row(at) + h * width;
    };
    auto result = [&](unsigned index, int64_t at) {
      return call.result(index).row(at) + h * width;
    };
    auto key = [&](size_t u) {
      return attention.segments.begin(s) + static_cast<int64_t>(u);
    };
    std::vector<double> p = probabilities(attention, s, h, t), a = p;
    std::vector<double> x(p.size()), w(p.size()), mixed(p.size());
    for (size_t u = 0; u < p.size(); ++u) {
      x[u] = dotProduct(operand(3, t), operand(6, key(u)), width);
      mixed[u] = dotProduct(operand(3, t), operand(2, key(u)), width);
      w[u] = attention.scale *
             (dotProduct(operand(0, t), operand(5, key(u)), width) +
              dotProduct(operand(4, t), operand(1, key(u)), width));
    }
    for (std::vector<double>* row : {&a, &x, &mixed})
      dropRow(attention, *row, s, h, t);
    SecondRow row = makeSecondRow(std::move(p), a, x, w, mixed);
    dropRow(attention, row.e, s, h, t);
    for (size_t u = 0; u < row.p.size(); ++u) {
      double ds = attention.scale * row.ds[u], c = attention.scale * row.c[u];
      addRow(result(0, t), row.e[u], operand(6, key(u)), width);
      addRow(result(0, t), row.a[u], operand(2, key(u)), width);
      addRow(result(1, t), c, operand(5, key(u)), width);
      addRow(result(1, t), ds, operand(1, key(u)), width);
      addRow(result(2, key(u)), c, operand(4, t), width);
      addRow(result(2, key(u)), ds, operand(0, t), width);
      addRow(result(3, key(u)), row.e[u], operand(3, t), width);
    }
  });
  return success();
}

}  // namespace

void populateAttentionReferences(References& references) {
  references["graft.attention"] = attend;
  references["graft.attention_gradient"] = attendGradient;
  references["graft.attention_second_gradient"] = attendSecondGradient;
}

}  // namespace graft::interpret
