// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// What declared parameters, and the numbers that name them, refuse.

// RUN: graft-opt %s --split-input-file --verify-diagnostics

// C1.
transfer.strategy @s {
  // expected-error @below {{'transfer.parameter' op expects a float, an integer or a string, got [1]}}
  "transfer.parameter"() <{sym_name = "p", value = [1], meaning = ""}> : () -> ()
}

// -----

// C2.
transfer.strategy @s {
  // expected-error @below {{'transfer.parameter' op expects 'minimum' and 'maximum' together}}
  "transfer.parameter"() <{sym_name = "p", value = 1.0 : f64, minimum = 0.0 : f64, meaning = ""}> : () -> ()
}

// -----

transfer.strategy @s {
  // expected-error @below {{'transfer.parameter' op expects a range of the value's type, got [0 : i64, 1 : i64] for 5.000000e-01 : f64}}
  transfer.parameter @p = 0.5 in [0, 1] "share"
}

// -----

transfer.strategy @s {
  // expected-error @below {{'transfer.parameter' op expects a number in [0, 1], got 1.5}}
  transfer.parameter @p = 1.5 in [0.0, 1.0] "share"
}

// -----

// C3.
transfer.strategy @s {
  // expected-error @below {{'transfer.parameter' op expects choices of a string only, got 1 : i64}}
  transfer.parameter @p = 1 of ["a", "b"] "letter"
}

// -----

transfer.strategy @s {
  // expected-error @below {{'transfer.parameter' op expects one of a, b, got c}}
  transfer.parameter @p = "c" of ["a", "b"] "letter"
}

// -----

transfer.strategy @s {
  transfer.parameter @p = "text" "no number"
  // expected-error @below {{'transfer.group' op 'decay' expects a parameter that is a number behind '@' in "@p", got "p"}}
  transfer.group @g of @m decay @p
}

// -----

transfer.strategy @s {
  transfer.parameter @p = 2.0 "too large"
  // expected-error @below {{'transfer.group' op expects 'layer_decay' to be a number in (0, 1], got 2}}
  transfer.group @g of @m layer_decay @p
}

// -----

transfer.strategy @s {
  // expected-error @below {{'transfer.group' op expects 'multiplier' to be a positive number, got 0}}
  transfer.group @g of @m multiplier "1 - 1"
}

// -----

transfer.strategy @s {
  // expected-error @below {{'transfer.group' op 'decay' expects "1 / 0" to be a finite number}}
  transfer.group @g of @m decay "1 / 0"
}

// -----

transfer.strategy @s {
  // expected-error @below {{'transfer.group' op 'select' expects a parameter that is a string, got @none}}
  transfer.group @g of @m select @none
}

// -----

transfer.strategy @s {
  // expected-error @below {{'transfer.schedule' op expects 'epochs' to be a positive integer, got 1.5}}
  transfer.schedule epochs 1.5 of [@step]
}

// -----

// Neither text nor a name.
transfer.strategy @s {
  // expected-error @below {{'transfer.group' op 'select' expects a parameter that is a string, got}}
  "transfer.group"() <{sym_name = "g", model = @m, select = #transfer.expression<"">}> : () -> ()
}

// -----

transfer.strategy @s {
  transfer.parameter @p = "x" "word"
  // expected-error @below {{'transfer.group' op 'except' expects a parameter that is a string, got 1 + 2}}
  "transfer.group"() <{sym_name = "g", model = @m, except = #transfer.expression<"1 + 2">}> : () -> ()
}

// -----

// C4.
transfer.strategy @s {
  // expected-error @below {{'transfer.parameter' op expects a name of letters, digits and '_', got "a.b"}}
  transfer.parameter @a.b = 0.5 "dotted"
}

// -----

transfer.strategy @s {
  // expected-error @below {{'transfer.schedule' op expects 'epochs' to be a positive integer, got 1.000000e+300}}
  transfer.schedule epochs 1.0e300 of [@step]
}

// -----

// Stream, C2.
transfer.strategy @s sizes (K) {
  // expected-error @below {{'transfer.stream' op expects labels of a number, or of a size of the strategy, got C}}
  %ids, %labels = transfer.stream @train of ids, labels<C> in @T, @S
}

// -----

transfer.strategy @s {
  // expected-error @below {{'transfer.stream' op expects labels of a number, or of a size of the strategy, got K}}
  %ids, %labels = transfer.stream @train of ids, labels<K> in @T, @S
}
