// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Formulas that cannot be read, or do not fit what they are of.
// RUN: graft-opt %s --split-input-file --verify-diagnostics

func.func @c1_no_operand(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects the name of an operand at character 1, got ": 1"}}
  %0 = graft.formula ": 1" (%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_no_colon(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects ',', '->' or ':' at character 3, got "x + 1"}}
  %0 = graft.formula "x x + 1" (%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_no_colon_after_result(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects ':' at character 16, got the end of the formula}}
  %0 = graft.formula "x[i, j] -> [i] " (%x) : (tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @c1_function_as_operand(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects a name that is no function at character 1, got "exp: exp"}}
  %0 = graft.formula "exp: exp" (%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_operand_twice(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects each operand once at character 4, got "x: x"}}
  %0 = graft.formula "x, x: x" (%x, %x) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_index_like_operand(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects other names for operands than for indices at character 1, got "x[x, j] -> [x, j]: x"}}
  %0 = graft.formula "x[x, j] -> [x, j]: x" (%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_no_index(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects an index or 1 at character 6, got "2]: x"}}
  %0 = graft.formula "x[i, 2]: x" (%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_three_indices(%x: tensor<3x4x5xf32>) {
  // expected-error @below {{expects two indices at most at character 9, got "k]: x"}}
  %0 = graft.formula "x[i, j, k]: x" (%x) : (tensor<3x4x5xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_index_twice(%x: tensor<3x3xf32>) {
  // expected-error @below {{expects different indices at character 6, got "i] -> [i]: x"}}
  %0 = graft.formula "x[i, i] -> [i]: x" (%x) : (tensor<3x3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @c1_function_as_index(%x: tensor<3x3xf32>) {
  // expected-error @below {{expects an index that is no function at character 3, got "sum, j]: x"}}
  %0 = graft.formula "x[sum, j]: x" (%x) : (tensor<3x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @c1_indices_end(%x: tensor<3x3xf32>) {
  // expected-error @below {{expects ',' or ']' at character 5, got "j]: x"}}
  %0 = graft.formula "x[i j]: x" (%x) : (tensor<3x3xf32>) -> tensor<3x3xf32>
  return
}

// -----

func.func @c1_unknown_name(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects a number, an operand or a function at character 8, got "y"}}
  %0 = graft.formula "x: x + y" (%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_no_number(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects a number, an operand or a function at character 8, got "* x"}}
  %0 = graft.formula "x: x + * x" (%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_no_operator(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects an operator or the end at character 6, got "x"}}
  %0 = graft.formula "x: 2 x" (%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_parenthesis(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects ')' at character 10, got the end of the formula}}
  %0 = graft.formula "x: (x + 1" (%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_two_arguments(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects ',' at character 10, got ")"}}
  %0 = graft.formula "x: step(x)" (%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_one_argument(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects ')' at character 9, got ", 1)"}}
  %0 = graft.formula "x: exp(x, 1)" (%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_sum_over_nothing(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects an index or segments at character 22, got "(x)"}}
  %0 = graft.formula "x[i, j] -> [i]: sum  (x)" (%x) : (tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @c1_unknown_index(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects an index or segments at character 21, got "k (x)"}}
  %0 = graft.formula "x[i, j] -> [i]: sum k (x)" (%x) : (tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @c1_sum_over_text(%x: tensor<?x4xf32, #graft.dims<T>>, %t: !graft.segments<T, S>) {
  // expected-error @below {{expects an index, or a mean or max over segments at character 37, got "text (x)"}}
  %0 = graft.formula "x[t, j], text[t, s] -> [s, j]:  sum text (x)" (%x, %t) : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
  return
}

// -----

func.func @c1_is_of_number(%y: tensor<3xi32>) {
  // expected-error @below {{expects an operand of labels at character 20, got "1, k)"}}
  %0 = graft.formula "y[i] -> [i, k]: is(1, k)" (%y) : (tensor<3xi32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_is_no_index(%y: tensor<3xi32>) {
  // expected-error @below {{expects an index of an operand or of the result at character 23, got "n)"}}
  %0 = graft.formula "y[i] -> [i, k]: is(y, n)" (%y) : (tensor<3xi32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c1_nesting(%x: tensor<3xf32>) {
  // expected-error @below {{expects less nesting at character 104, got "x)))))))))))))))))))"}}
  %0 = graft.formula "x: ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((x))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))" (%x) : (tensor<3xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @c2_count(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects 2 operands, as the formula names, got 1}}
  %0 = graft.formula "x, y: x + y" (%x) : (tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c2_unused(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects an operand that the formula uses at character 4, got "y: x"}}
  %0 = graft.formula "x, y: x" (%x, %x) : (tensor<3x4xf32>, tensor<3x4xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c3_type(%x: tensor<3x4xbf16>) {
  // expected-error @below {{expects 'x' to be a tensor of f32, labels of i32 or segments, got 'tensor<3x4xbf16>'}}
  %0 = graft.formula "x: x" (%x) : (tensor<3x4xbf16>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c3_result_type(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects a result of f32, got 'tensor<3x4xbf16>'}}
  %0 = graft.formula "x: x" (%x) : (tensor<3x4xf32>) -> tensor<3x4xbf16>
  return
}

// -----

func.func @c3_result_rank(%x: tensor<3x4x5xf32>) {
  // expected-error @below {{expects a result of rank 2 at most, got 'tensor<3x4x5xf32>'}}
  %0 = graft.formula "x: x" (%x) : (tensor<3x4x5xf32>) -> tensor<3x4x5xf32>
  return
}

// -----

func.func @c3_rank(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects an index for each dimension of 'x', got 1 for 'tensor<3x4xf32>'}}
  %0 = graft.formula "x[i] -> [i]: x" (%x) : (tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @c3_labels_rank(%y: tensor<3x4xi32>) {
  // expected-error @below {{expects one index of the labels 'y', got 'tensor<3x4xi32>'}}
  %0 = graft.formula "y[i, j] -> [i, k]: is(y, k)" (%y) : (tensor<3x4xi32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c3_segments_indices(%x: tensor<?x4xf32, #graft.dims<T>>, %t: !graft.segments<T, S>) {
  // expected-error @below {{expects indices of tokens and texts of the segments 'text', as text[t, s]}}
  %0 = graft.formula "x[t, j], text[t] -> [t, j]: mean text (x)" (%x, %t) : (tensor<?x4xf32, #graft.dims<T>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<T>>
  return
}

// -----

func.func @c3_labels_as_value(%y: tensor<3xi32>) {
  // expected-error @below {{expects a value at character 14, got the labels 'y', which is(y, k) compares}}
  %0 = graft.formula "y[i] -> [i]: y" (%y) : (tensor<3xi32>) -> tensor<3xf32>
  return
}

// -----

func.func @c3_segments_as_value(%t: !graft.segments<T, S>) {
  // expected-error @below {{expects a value at character 23, got the segments 'text', of which there is a mean or max}}
  %0 = graft.formula "text[t, s] -> [t, s]: text" (%t) : (!graft.segments<T, S>) -> tensor<?x?xf32, #graft.dims<T, S>>
  return
}

// -----

func.func @c3_is_of_floats(%y: tensor<3xf32>) {
  // expected-error @below {{expects labels of i32 at character 17, got 'tensor<3xf32>'}}
  %0 = graft.formula "y[i] -> [i, k]: is(y, k)" (%y) : (tensor<3xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c3_mean_over_tensor(%x: tensor<3x4xf32>, %y: tensor<4xf32>) {
  // expected-error @below {{expects segments at character 20, got 'w' of 'tensor<3x4xf32>'}}
  %0 = graft.formula "x, w[i, j] -> [j]: mean w (x)" (%y, %x) : (tensor<4xf32>, tensor<3x4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @c4_static(%x: tensor<3x4xf32>, %w: tensor<5xf32>) {
  // expected-error @below {{expects one size of the index j, got 'tensor<3x4xf32>' of 'x' and 'tensor<5xf32>' of 'w'}}
  %0 = graft.formula "x[i, j], w[j] -> [i, j]: x * w" (%x, %w) : (tensor<3x4xf32>, tensor<5xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c4_names(%x: tensor<?x4xf32, #graft.dims<S>>, %w: tensor<?xf32, #graft.dims<T>>) {
  // expected-error @below {{expects one size of the index i, got 'tensor<?x4xf32, #graft.dims<S>>' of 'x' and 'tensor<?xf32, #graft.dims<T>>' of 'w'}}
  %0 = graft.formula "x[i, j], w[i] -> [i, j]: x * w" (%x, %w) : (tensor<?x4xf32, #graft.dims<S>>, tensor<?xf32, #graft.dims<T>>) -> tensor<?x4xf32, #graft.dims<S>>
  return
}

// -----

func.func @c4_result(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects one size of the index i, got 'tensor<3x4xf32>' of 'x' and 'tensor<5xf32>' of the result}}
  %0 = graft.formula "x[i, j] -> [i]: sum j (x)" (%x) : (tensor<3x4xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @c4_one(%x: tensor<3x2xf32>) {
  // expected-error @below {{expects a size of 1 where 'x' has the index 1, got 'tensor<3x2xf32>'}}
  %0 = graft.formula "x[i, 1] -> [i]: x" (%x) : (tensor<3x2xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @c5_difference(%x: tensor<3x4xf32>, %c: tensor<5x4xf32>) {
  // expected-error @below {{expects a value of two indices at most at character 37, got i, n and j}}
  %0 = graft.formula "x[i, j], c[n, j] -> [i, n]: sum j ((x - c) * (x - c))" (%x, %c) : (tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @c5_four(%x: tensor<3x4xf32>, %c: tensor<5x4xf32>, %d: tensor<6x4xf32>) {
  // expected-error @below {{expects a value of two indices at most at character 38, got i, n, j and m}}
  %0 = graft.formula "x[i, j], c[n, j], d[m, j] -> [i, n]: sum j (x * c * d)" (%x, %c, %d) : (tensor<3x4xf32>, tensor<5x4xf32>, tensor<6x4xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @c5_max(%x: tensor<3x4xf32>, %c: tensor<5x4xf32>) {
  // expected-error @below {{expects a value of two indices at most at character 36, got i, n and j}}
  %0 = graft.formula "x[i, j], c[n, j] -> [i, n]: max j (x * c)" (%x, %c) : (tensor<3x4xf32>, tensor<5x4xf32>) -> tensor<3x5xf32>
  return
}

// -----

func.func @c6_sum_without(%x: tensor<3xf32>, %c: tensor<4xf32>) {
  // expected-error @below {{expects a value with the index j to reduce at character 23, got i}}
  %0 = graft.formula "x[i], c[j] -> [i]: c *sum j (x)" (%x, %c) : (tensor<3xf32>, tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @c6_sum_twice(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects a value with the index j to reduce at character 17, got i}}
  %0 = graft.formula "x[i, j] -> [i]: sum j (sum j (x))" (%x) : (tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @c6_max_without(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects a value with the index j to reduce at character 17, got none}}
  %0 = graft.formula "x[i, j] -> [i]: max j (2) * mean j (x)" (%x) : (tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @c6_tokens(%x: tensor<?x4xf32, #graft.dims<S>>, %t: !graft.segments<T, S>) {
  // expected-error @below {{expects a value with the index t and without s at character 32, got s and j}}
  %0 = graft.formula "x[s, j], text[t, s] -> [s, j]: mean text (x)" (%x, %t) : (tensor<?x4xf32, #graft.dims<S>>, !graft.segments<T, S>) -> tensor<?x4xf32, #graft.dims<S>>
  return
}

// -----

func.func @c6_index_left(%x: tensor<3x4xf32>) {
  // expected-error @below {{expects a result with the index j, which the formula has, got i}}
  %0 = graft.formula "x[i, j] -> [i]: exp(x)" (%x) : (tensor<3x4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @c6_index_of_short_form(%x: tensor<3xf32>, %w: tensor<4xf32>) {
  // expected-error @below {{expects '-> [INDICES]' of the result in front of ':', as the formula has the index j, got none}}
  %0 = graft.formula "x, w[j]: x * w" (%x, %w) : (tensor<3xf32>, tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @c6_unknown_index(%x: tensor<3xf32>) {
  // expected-error @below {{expects an operand with the index n, which the result has, got none}}
  %0 = graft.formula "x[i] -> [i, n]: x" (%x) : (tensor<3xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @c7_precision(%x: tensor<3xf32>) {
  // expected-error @below {{expects 'graft.precision' to be "follow" or absent, got "low"}}
  %0 = graft.formula "x: exp(x)" (%x) {graft.precision = "low"} : (tensor<3xf32>) -> tensor<3xf32>
  return
}
