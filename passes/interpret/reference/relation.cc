// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The divergence of relations between tokens, and its gradient. For one
// sequence of length L and one of N heads, with q, k [L, D] and the target's
// r, s [L, E]:
//   a = q k^T / sqrt(D)   b = r s^T / sqrt(E)
//   kl:  sum over rows of p (log p - log softmax(a)) / (N L), p = softmax(b)
//        da = g / (N L) (softmax(a) - p)
//   mse: sum of (a - b)^2 / (N L^2)
//        da = 2 g / (N L^2) (a - b)
//   dq = da k / sqrt(D)   dk = da^T q / sqrt(D)
// The gradients of dq and dk, from the incoming i and j:
//   w = (i k^T + q j^T) / sqrt(D)   dg = sum of w da / g
//   c = derivative of sum(w da) by a
//   dq = (c k + da j) / sqrt(D)   dk = (c^T q + da^T i) / sqrt(D)

#include <cmath>

#include "dialects/graft/graft_ops.h"
#include "passes/interpret/interpreter.h"
#include "passes/interpret/reference/util.h"

using namespace mlir;

namespace graft::interpret {
namespace {

// One map of scores.
struct RelationMap {
  const Tensor& query;
  const Tensor& key;
  int64_t width;  // of a head
  double scale;

  RelationMap(const Tensor& query, const Tensor& key, int64_t heads)
      : query(query),
        key(key),
        width(query.columns() / heads),
        scale(1 / std::sqrt(static_cast<double>(width))) {}

  // The scores of token `t` with the tokens from `begin` on, in head `h`.
  void scores(int64_t begin, int64_t h, int64_t t,
              std::vector<double>& row) const {
    const double* q = query.row(t) + h * width;
    for (size_t u = 0; u < row.size(); ++u) {
      const double* k = key.row(begin + static_cast<int64_t>(u)) + h * width;
      row[u] = 0;
      for (int64_t d = 0; d < width; ++d) row[u] += q[d] * k[d];
      row[u] *= scale;
    }
  }
};

struct Relations {
  DivergenceKind kind;
  int64_t heads;
  const Segments& segments;
  RelationMap map, target;
};

// `first` is the index of the query among the operands.
template <typename Op>
Relations makeRelations(OpCall& call, unsigned first) {
  auto op = call.as<Op>();
  auto heads = static_cast<int64_t>(op.getHeads());
  return {op.getKind(), heads, call.segments(first + 4),
          RelationMap(call.tensor(first), call.tensor(first + 1), heads),
          RelationMap(call.tensor(first + 2), call.tensor(first + 3), heads)};
}

// Calls `body(sequence, head, token, a, b, share)` with each row of scores, of
// logarithms of their softmax for `kl`, and its share in the loss.
template <typename Body>
void forEachRow(const Relations& relations, Body body) {
  const Segments& segments = relations.segments;
  for (int64_t s = 0; s < segments.sequences(); ++s) {
    int64_t length = segments.length(s);
    std::vector<double> a(static_cast<size_t>(length)), b = a;
    double share = 1 / static_cast<double>(relations.heads * length);
    if (relations.kind == DivergenceKind::mse)
      share /= static_cast<double>(length);
    for (int64_t h = 0; h < relations.heads; ++h)
      for (int64_t t = segments.begin(s); t < segments.end(s); ++t) {
        relations.map.scores(segments.begin(s), h, t, a);
        relations.target.scores(segments.begin(s), h, t, b);
        if (relations.kind == DivergenceKind::kl) {
          softmaxRow(a.data(), a.data(), length, /*log=*/true);
          softmaxRow(b.data(), b.data(), length, /*log=*/true);
        }
        body(s, h, t, a, b, share);
      }
  }
}

LogicalResult divergence(OpCall& call) {
  auto relations = makeRelations<RelationDivergenceOp>(call, 0);
  forEachRow(relations,
             [&](int64_t s, int64_t, int64_t, const std::vector<double>& a,
                 const std::vector<double>& b, double share) {
               double sum = 0;
               for (size_t u = 0; u < a.size(); ++u)
                 sum += relations.kind == DivergenceKind::kl
                            ? std::exp(b[u]) * (b[u] - a[u])
                            : (a[u] - b[u]) * (a[u] - b[u]);
               call.result().values[static_cast<size_t>(s)] += share * sum;
             });
  return success();
}

LogicalResult divergenceGradient(OpCall& call) {
  auto relations = makeRelations<RelationDivergenceGradientOp>(call, 1);
  const RelationMap& map = relations.map;
  forEachRow(relations, [&](int64_t s, int64_t h, int64_t t,
                            const std::vector<double>& a,
                            const std::vector<double>& b, double share) {
    double factor =
        share * map.scale * call.tensor(0).values[static_cast<size_t>(s)];
    const double* q = map.query.row(t) + h * map.width;
    double* dq = call.result(0).row(t) + h * map.width;
    for (size_t u = 0; u < a.size(); ++u) {
      int64_t at = relations.segments.begin(s) + static_cast<int64_t>(u);
      double slope = relations.kind == DivergenceKind::kl
                         ? std::exp(a[u]) - std::exp(b[u])
                         : 2 * (a[u] - b[u]);
      slope *= factor;
      const double* k = map.key.row(at) + h * map.width;
      double* dk = call.result(1).row(at) + h * map.width;
      for (int64_t d = 0; d < map.width; ++d) {
        dq[d] += slope * k[d];
        dk[d] += slope * q[d];
      }
    }
  });
  return success();
}

// The derivatives of sum(w da), for g = 1, by the scores of one row.
std::vector<double> slopesOfSum(DivergenceKind kind,
                                const std::vector<double>& a,
                                const std::vector<double>& w) {
  std::vector<double> slopes(a.size());
  double mean = 0;
  for (size_t u = 0; u < a.size(); ++u) mean += std::exp(a[u]) * w[u];
  for (size_t u = 0; u < a.size(); ++u)
    slopes[u] =
        kind == DivergenceKind::kl ? std::exp(a[u]) * (w[u] - mean) : 2 * w[u];
  return slopes;
}

LogicalResult divergenceSecondGradient(OpCall& call) {
  auto relations = makeRelations<RelationDivergenceSecondGradientOp>(call, 3);
  const RelationMap& map = relations.map;
  int64_t width = map.width;
  forEachRow(relations, [&](int64_t s, int64_t h, int64_t t,
                            const std::vector<double>& a,
                            const std::vector<double>& b, double share) {
    auto row = [&](const Tensor& rows, int64_t at) {
      return rows.row(at) + h * width;
    };
    const Tensor &incomingQuery = call.tensor(0), &incomingKey = call.tensor(1);
    auto key = [&](size_t u) {
      return relations.segments.begin(s) + static_cast<int64_t>(u);
    };
    std::vector<double> w(a.size());
    for (size_t u = 0; u < a.size(); ++u)
      w[u] = map.scale *
             (dotProduct(row(incomingQuery, t), row(map.key, key(u)), width) +
              dotProduct(row(map.query, t), row(incomingKey, key(u)), width));
    std::vector<double> slopes = slopesOfSum(relations.kind, a, w);
    auto sequence = static_cast<size_t>(s);
    double factor = share * map.scale * call.tensor(2).values[sequence];
    double* dq = call.result(1).row(t) + h * width;
    for (size_t u = 0; u < a.size(); ++u) {
      double da = relations.kind == DivergenceKind::kl
                      ? std::exp(a[u]) - std::exp(b[u])
                      : 2 * (a[u] - b[u]);
      call.result(0).values[sequence] += share * w[u] * da;
      double* dk = call.result(2).row(key(u)) + h * width;
      addRow(dq, factor * slopes[u], row(map.key, key(u)), width);
      addRow(dq, factor * da, row(incomingKey, key(u)), width);
      addRow(dk, factor * slopes[u], row(map.query, t), width);
      addRow(dk, factor * da, row(incomingQuery, t), width);
    }
  });
  return success();
}

}  // namespace

void populateRelationReferences(References& references) {
  references["graft.relation_divergence"] = divergence;
  references["graft.relation_divergence_gradient"] = divergenceGradient;
  references["graft.relation_divergence_second_gradient"] =
      divergenceSecondGradient;
}

}  // namespace graft::interpret
