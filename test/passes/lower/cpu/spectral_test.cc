// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <string>

#include "gtest/gtest.h"
#include "test/passes/lower/kernel_test.h"

namespace graft {
namespace {

std::string spectral(const std::string& kind, int64_t rows) {
  std::string size = std::to_string(rows);
  std::string type = "tensor<" + size + "x" + size + "xf32>";
  return program("%m: " + type, "graft.spectral " + kind + " %m above 1.0e-4",
                 type, {type});
}

// f f^T of a random matrix f with so many columns.
interpret::Tensor gram(int64_t rows, int64_t rank) {
  interpret::Tensor f = randomTensor({rows, rank}, 1.0, 0.0);
  interpret::Tensor m = randomTensor({rows, rows}, 1.0, 0.0);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < rows; ++j) {
      double sum = 0;
      for (int64_t k = 0; k < rank; ++k)
        sum += f.values[i * rank + k] * f.values[j * rank + k];
      m.values[i * rows + j] = sum;
    }
  m.round();
  return m;
}

TEST(SpectralTest, Kinds) {
  for (const char* kind : {"root", "inverse", "inverse_root"})
    for (int64_t rows : {1, 2, 3, 17, 64})
      expectKernelsMatch(spectral(kind, rows), {gram(rows, 2 * rows)},
                         {1e-5, 1e-5});
}

TEST(SpectralTest, Singular) {
  for (const char* kind : {"root", "inverse", "inverse_root"}) {
    expectKernelsMatch(spectral(kind, 8), {gram(8, 5)}, {1e-5, 1e-5});
    interpret::Tensor zeros = randomTensor({4, 4}, 0.0, 0.0);
    expectKernelsMatch(spectral(kind, 4), {zeros}, {0, 0});
    interpret::Tensor diagonal = zeros;
    for (int64_t i = 0; i < 3; ++i)
      diagonal.values[5 * i] = static_cast<double>(i + 1);
    expectKernelsMatch(spectral(kind, 4), {diagonal}, {1e-7, 1e-6});
  }
}

TEST(SpectralTest, TakesTheSymmetricPart) {
  interpret::Tensor m = gram(5, 10), skewed = m;
  for (int64_t i = 0; i < 5; ++i)
    for (int64_t j = 0; j < 5; ++j)
      skewed.values[i * 5 + j] += i < j ? 0.25 : i > j ? -0.25 : 0;
  skewed.round();
  expectKernelsMatch(spectral("root", 5), {skewed}, {1e-5, 1e-5});
}

}  // namespace
}  // namespace graft
