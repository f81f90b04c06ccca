// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What the rules of graft.merge refuse.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C1.

graft.model @m {
  graft.parameter @w : tensor<26x384xf32>
  graft.parameter @a : tensor<8x384xf32>
  // expected-error @below {{'graft.merge' op expects a matrix of its model, got @b}}
  graft.merge @w plus 2.0 * @b * @a
}

// -----

graft.model @m {
  graft.parameter @w : tensor<26x384xf32>
  graft.parameter @a : tensor<8x384xf32>
  graft.parameter @b : tensor<26xf32>
  // expected-error @below {{'graft.merge' op expects a matrix of its model, got @b}}
  graft.merge @w plus 2.0 * @b * @a
}

// -----

graft.model @m {
  graft.parameter @w : tensor<26x384xf32>
  graft.parameter @a : tensor<8x384xf32>
  graft.parameter @b : tensor<26x7xf32>
  // expected-error @below {{'graft.merge' op expects matrices [out, in], [out, r] and [r, in], got 'tensor<26x384xf32>', 'tensor<26x7xf32>' and 'tensor<8x384xf32>'}}
  graft.merge @w plus 2.0 * @b * @a
}

// -----

// C2.

graft.model @m {
  graft.parameter @w : tensor<26x384xf32>
  graft.parameter @a : tensor<8x384xf32>
  graft.parameter @b : tensor<26x8xf32>
  // expected-error @below {{'graft.merge' op expects a finite scale, got 0x7F800000 : f32}}
  graft.merge @w plus 0x7F800000 * @b * @a
}

// -----

// C1: norms of the rows.

graft.model @m {
  graft.parameter @w : tensor<26x384xf32>
  graft.parameter @a : tensor<8x384xf32>
  graft.parameter @b : tensor<26x8xf32>
  // expected-error @below {{'graft.merge' op expects 'norms' of 26 rows, got @n}}
  graft.merge @w plus 2.0 * @b * @a norms @n
}

// -----

graft.model @m {
  graft.parameter @w : tensor<26x384xf32>
  graft.parameter @a : tensor<8x384xf32>
  graft.parameter @b : tensor<26x8xf32>
  // expected-error @below {{'graft.merge' op expects 'norms' of 26 rows, got @a}}
  graft.merge @w plus 2.0 * @b * @a norms @a
}
