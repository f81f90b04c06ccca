// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// wordpiece_ids TOKENIZER [MAX_LENGTH]: reads texts from standard input, one a
// line, a pair separated by a tab; a backslash escapes as in C (\n, \t, \r,
// \\). Prints a line for each: token id, type id and byte range as
// "id:type:begin-end", separated by blanks. For wordpiece_parity.py.
//
// wordpiece_ids --export TOKENIZER DIRECTORY: writes the files of an export, by
// way of what an artifact keeps. For export_parity.py.

#include <fstream>
#include <iostream>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "runtime/tokenize/registry.h"
#include "runtime/tokenize/wordpiece/wordpiece.h"

namespace {

std::string Unescape(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i]);
      continue;
    }
    const char next = text[++i];
    out.push_back(next == 'n'   ? '\n'
                  : next == 't' ? '\t'
                  : next == 'r' ? '\r'
                                : next);
  }
  return out;
}

// A directory, a tokenizer.json, or a vocabulary with its settings beside it.
absl::StatusOr<std::unique_ptr<graft::Tokenizer>> Load(
    const std::string& path) {
  graft::FileSystem& files = graft::FileSystem::Posix();
  if (files.IsDirectory(path) || absl::EndsWith(path, ".json"))
    return graft::LoadTokenizer(files, path);
  return graft::WordPieceTokenizer::LoadVocabulary(files, path);
}

int Export(const std::string& path, const std::string& directory) {
  const auto tokenizer = Load(path);
  std::string bytes;
  graft::ArtifactSpec spec;
  if (tokenizer.ok()) spec.tokenizer = (*tokenizer)->ToArtifact(bytes);
  const auto again = graft::TokenizerFromArtifact(spec, "artifact");
  if (!tokenizer.ok() || !again.ok()) {
    std::cerr << tokenizer.status() << "\n" << again.status() << "\n";
    return 1;
  }
  for (const graft::NamedText& file : (*again)->ToFiles(512))
    std::ofstream(graft::JoinPath(directory, file.name), std::ios::binary)
        << file.text;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 4 && std::string(argv[1]) == "--export")
    return Export(argv[2], argv[3]);
  int64_t max_length = 1 << 20;
  if (argc < 2 || (argc > 2 && !absl::SimpleAtoi(argv[2], &max_length))) {
    std::cerr << "usage: wordpiece_ids TOKENIZER [MAX_LENGTH]\n";
    return 2;
  }
  const auto tokenizer = Load(argv[1]);
  if (!tokenizer.ok()) {
    std::cerr << tokenizer.status() << "\n";
    return 1;
  }
  std::ios::sync_with_stdio(false);
  graft::Encoding encoding;
  std::string line, out;
  while (std::getline(std::cin, line)) {
    const size_t tab = line.find('\t');
    const std::string first = Unescape(line.substr(0, tab));
    std::string second;
    std::optional<absl::string_view> pair;
    if (tab != std::string::npos) {
      second = Unescape(line.substr(tab + 1));
      pair = second;
    }
    const absl::Status status =
        (*tokenizer)
            ->Encode(first, pair, max_length, encoding, /*with_offsets=*/true);
    if (!status.ok()) {
      std::cerr << status << "\n";
      return 1;
    }
    out.clear();
    for (size_t i = 0; i < encoding.ids.size(); ++i) {
      if (i > 0) out += ' ';
      out += std::to_string(encoding.ids[i]) + ':' +
             std::to_string(encoding.type_ids[i]) + ':' +
             std::to_string(encoding.offsets[i].begin) + '-' +
             std::to_string(encoding.offsets[i].end);
    }
    std::cout << out << "\n";
  }
  return 0;
}
