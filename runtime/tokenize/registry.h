// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The kinds of tokenizers that this build has, and how files choose among them.

#ifndef GRAFT_RUNTIME_TOKENIZE_REGISTRY_H_
#define GRAFT_RUNTIME_TOKENIZE_REGISTRY_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json_fwd.hpp"
#include "runtime/artifact/spec.h"
#include "runtime/base/file.h"
#include "runtime/tokenize/tokenizer.h"

namespace graft {

// A kind of tokenizer. Functions return the errors of the loaders below.
struct TokenizerKind {
  absl::string_view name;             // in artifacts: "wordpiece"
  absl::string_view json_model;       // `model.type` in a tokenizer.json
  absl::string_view vocabulary_file;  // "vocab.txt"

  // Of a tokenizer.json alone, `text`; `path` is for messages.
  absl::StatusOr<std::unique_ptr<Tokenizer>> (*from_json)(
      absl::string_view text, absl::string_view path);
  // Of a directory with a tokenizer.json, parsed, with its text, or else with
  // the file `vocabulary`, and the settings beside it.
  absl::StatusOr<std::unique_ptr<Tokenizer>> (*from_directory)(
      FileSystem& files, const std::string& directory,
      const nlohmann::json* described, absl::string_view text,
      const std::string& vocabulary);
  // Of what Tokenizer::ToArtifact returned; `where` is for messages. The result
  // borrows `spec.data`.
  absl::StatusOr<std::unique_ptr<Tokenizer>> (*from_artifact)(
      const TokenizerSpec& spec, absl::string_view where);
};

// The text of a tokenizer's file, of at most 256 MiB. FAILED_PRECONDITION: it
// is a directory, a pipe or a device.
absl::StatusOr<std::string> ReadTokenizerFile(FileSystem& files,
                                              const std::string& path);

// Loads the tokenizer of a Hugging Face directory: of its tokenizer.json, else
// of the vocabulary file that a kind names, with what the files beside it say.
// `path` may also be a tokenizer.json, which is then read alone. A
// tokenizer.json that does not name its model, as files of the first versions,
// is read as WordPiece.
//
// NOT_FOUND: the directory has neither. FAILED_PRECONDITION: a file is a
// directory, a pipe or a device. UNIMPLEMENTED names a model, component
// or option that no kind has. INVALID_ARGUMENT names what is malformed.
absl::StatusOr<std::unique_ptr<Tokenizer>> LoadTokenizer(
    FileSystem& files, const std::string& path);

// Makes the tokenizer that an artifact carries, whose bytes must outlive the
// result. INVALID_ARGUMENT begins with `where`: there is none, one of an
// unknown kind, or its bytes are malformed.
absl::StatusOr<std::unique_ptr<Tokenizer>> TokenizerFromArtifact(
    const ArtifactSpec& spec, absl::string_view where);

}  // namespace graft

#endif  // GRAFT_RUNTIME_TOKENIZE_REGISTRY_H_
