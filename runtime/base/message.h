// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What messages to users are made of.

#ifndef GRAFT_RUNTIME_BASE_MESSAGE_H_
#define GRAFT_RUNTIME_BASE_MESSAGE_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace graft {

// Characters that messages show of a value.
inline constexpr size_t kShownCharacters = 40;

// A value of a user as messages show it, on one line and in UTF-8: at most
// kShownCharacters code points, "..." in place of further ones. Line breaks,
// other control characters and bytes that are not UTF-8 are escaped, as \n or
// \x1b, and a value is never cut inside such an escape. Not for paths, which a
// user may want to copy.
std::string Shorten(absl::string_view value);

// The candidate that `word` is most likely a misspelling of, or "" if none is
// near: at most a third of the word's letters, and at least one, are added,
// removed, replaced or swapped with their neighbours. Case does not count. Of
// equally near ones that which begins most like it, or else the first.
absl::string_view Nearest(absl::string_view word,
                          absl::Span<const std::string> candidates);

// "; did you mean NEAREST?", or "" if no candidate is near.
std::string DidYouMean(absl::string_view word,
                       absl::Span<const std::string> candidates);

}  // namespace graft

#endif  // GRAFT_RUNTIME_BASE_MESSAGE_H_
