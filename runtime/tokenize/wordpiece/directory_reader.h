// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// The steps of ReadTokenizerDirectory (formats.h).

#ifndef GRAFT_RUNTIME_TOKENIZE_WORDPIECE_DIRECTORY_READER_H_
#define GRAFT_RUNTIME_TOKENIZE_WORDPIECE_DIRECTORY_READER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "runtime/base/file.h"
#include "runtime/tokenize/wordpiece/formats.h"
#include "runtime/tokenize/wordpiece/json_section.h"

namespace graft::internal_wordpiece {

// A file beside the vocabulary, an object.
struct SettingsFile {
  std::string path;
  nlohmann::json object = nlohmann::json::object();

  JsonSection section() const {
    return {object, absl::StrCat(path, ": config")};
  }
  JsonSection At(const char* key) const {
    return {object.at(key), absl::StrCat(path, ": ", key)};
  }
};

// A token to add, and where a file says so.
struct NewToken {
  AddedToken token;
  std::optional<int32_t> declared;
  std::string where;
};

// Reads a directory's files one after the other into `parts`. Run is called
// once, with what ReadTokenizerDirectory takes.
class DirectoryReader {
 public:
  DirectoryReader(FileSystem& files, const std::string& directory,
                  WordPieceTokenizer::Parts& parts)
      : files_(files), directory_(directory), parts_(parts) {}

  absl::Status Run(const nlohmann::json* described, absl::string_view text,
                   const std::string& vocabulary);

 private:
  absl::Status ReadSettings(const char* name, SettingsFile& file);
  absl::StatusOr<bool> ChooseBert(bool described);
  absl::Status ReadNormaliser();
  absl::Status ReadDecoder();
  absl::Status ReadMapped();
  absl::Status ReadNames();
  absl::Status ReadName(const char* key);
  absl::Status ReadExtra();
  absl::Status ReadExtraList(const SettingsFile& file, const char* key);
  absl::Status AddTokens(TokenAdder& adder);
  absl::Status NameSpecials(const TokenAdder& adder);
  absl::Status ReadLength();
  absl::Status KeepJson(const WordPieceTokenizer::Parts& alone,
                        absl::string_view text);

  bool HasDecoder() const;
  WordPieceSettings& settings() { return parts_.settings; }

  FileSystem& files_;
  const std::string& directory_;
  WordPieceTokenizer::Parts& parts_;
  SettingsFile config_, map_, added_;
  bool bert_ = true;  // by the rule of BertTokenizer
  // What tokenizer.json says alone.
  std::optional<WordPieceTokenizer::Parts> alone_;
  std::map<int32_t, NewToken> decoder_;    // by their ids
  std::map<std::string, NewToken> names_;  // kNames that have a token
  std::set<std::string> stated_;           // kNames that a file has
  std::vector<NewToken> extra_;
};

}  // namespace graft::internal_wordpiece

#endif  // GRAFT_RUNTIME_TOKENIZE_WORDPIECE_DIRECTORY_READER_H_
