// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// Early return on absl::Status. Named like today's Abseil macros, which the
// packaged Abseil (20220623) does not have yet.

#ifndef GRAFT_RUNTIME_BASE_STATUS_MACROS_H_
#define GRAFT_RUNTIME_BASE_STATUS_MACROS_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Evaluates `expr`, an absl::Status, and returns it from the current function
// (which returns absl::Status or absl::StatusOr) unless it is OK.
#define GRAFT_RETURN_IF_ERROR(expr)                                   \
  do {                                                                \
    if (::absl::Status graft_status_ = (expr); !graft_status_.ok()) { \
      return graft_status_;                                           \
    }                                                                 \
  } while (false)

// Evaluates `expr`, an absl::StatusOr<T>, and assigns its value to `lhs` or
// returns its status. `lhs` may declare a variable; put it in parentheses when
// its type contains a comma:
//   GRAFT_ASSIGN_OR_RETURN(std::string text, ReadFile(fs, path));
//   GRAFT_ASSIGN_OR_RETURN((std::map<int, int> counts), Count(text));
#define GRAFT_ASSIGN_OR_RETURN(lhs, expr) \
  GRAFT_ASSIGN_OR_RETURN_IMPL_(           \
      GRAFT_STATUS_CONCAT_(graft_status_or_, __LINE__), lhs, expr)

#define GRAFT_ASSIGN_OR_RETURN_IMPL_(result, lhs, expr) \
  auto result = (expr);                                 \
  if (!result.ok()) return std::move(result).status();  \
  GRAFT_STATUS_UNPAREN_(lhs) = *std::move(result)

#define GRAFT_STATUS_CONCAT_(a, b) GRAFT_STATUS_CONCAT_IMPL_(a, b)
#define GRAFT_STATUS_CONCAT_IMPL_(a, b) a##b

// GRAFT_STATUS_UNPAREN_((x)) and GRAFT_STATUS_UNPAREN_(x) are both x: the
// parenthesised form turns into a call of GRAFT_STATUS_EAT_, whose leftover
// name is pasted away.
#define GRAFT_STATUS_UNPAREN_(x) GRAFT_STATUS_PASTE_(GRAFT_STATUS_EAT_ x)
#define GRAFT_STATUS_EAT_(...) GRAFT_STATUS_EAT_ __VA_ARGS__
#define GRAFT_STATUS_PASTE_(...) GRAFT_STATUS_PASTE_IMPL_(__VA_ARGS__)
#define GRAFT_STATUS_PASTE_IMPL_(...) GRAFT_STATUS_DROP_##__VA_ARGS__
#define GRAFT_STATUS_DROP_GRAFT_STATUS_EAT_

#endif  // GRAFT_RUNTIME_BASE_STATUS_MACROS_H_
