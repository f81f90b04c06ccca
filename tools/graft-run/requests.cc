// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/graft-run/requests.h"

#include <cstdio>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"
#include "runtime/base/status_macros.h"
#include "tools/graft-run/feeds.h"
#include "tools/standard_output.h"

namespace graft {
namespace {

struct Request {
  std::vector<std::string> inputs;
  int64_t runs = 1;
  std::string outputs;  // empty: none
};

absl::StatusOr<Request> ParseRequest(const std::string& line, int64_t number) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  const auto error = [&](absl::string_view expected) {
    return absl::InvalidArgumentError(absl::StrCat(
        "request ", number, ": expects ", expected, ", got ", line));
  };
  if (!json.is_object()) return error("an object");
  Request request;
  for (const auto& [key, value] : json.items()) {
    if (key == "inputs") {
      if (!value.is_array()) return error("a list of files as inputs");
      for (const auto& file : value) {
        if (!file.is_string()) return error("a list of files as inputs");
        request.inputs.push_back(file.get<std::string>());
      }
    } else if (key == "runs") {
      if (!value.is_number_unsigned() || value.get<uint64_t>() == 0 ||
          value.get<uint64_t>() > 1'000'000) {
        return error("1 to 1000000 runs");
      }
      request.runs = value.get<int64_t>();
    } else if (key == "outputs") {
      if (!value.is_string()) return error("a file as outputs");
      request.outputs = value.get<std::string>();
    } else {
      return error("inputs, runs and outputs");
    }
  }
  if (request.inputs.empty()) return error("inputs");
  return request;
}

}  // namespace

absl::Status AnswerRequests(Instance& instance,
                            absl::Span<const size_t> entries, uint64_t seed) {
  std::map<std::string, std::unique_ptr<InputFile>> files;
  std::string line;
  uint32_t step = 0;
  for (int64_t number = 1; std::getline(std::cin, line); ++number) {
    GRAFT_ASSIGN_OR_RETURN(const Request request, ParseRequest(line, number));
    std::vector<const InputFile*> inputs;
    for (const std::string& path : request.inputs) {
      std::unique_ptr<InputFile>& file = files[path];
      if (file == nullptr) {
        GRAFT_ASSIGN_OR_RETURN(
            file, InputFile::Open(path, instance.artifact(), entries));
      }
      inputs.push_back(file.get());
    }
    std::vector<double> seconds;
    absl::Span<const OutputView> outputs;
    for (int64_t run = 0; run < request.runs; ++run) {
      instance.SetRandom(seed, ++step);
      const absl::Time start = absl::Now();
      for (const InputFile* file : inputs) {
        GRAFT_ASSIGN_OR_RETURN(outputs, file->Run(instance));
      }
      seconds.push_back(absl::ToDoubleSeconds(absl::Now() - start));
    }
    if (!request.outputs.empty()) {
      GRAFT_RETURN_IF_ERROR(WriteOutputs(request.outputs, outputs));
    }
    GRAFT_RETURN_IF_ERROR(
        Print(absl::StrCat(nlohmann::json{{"seconds", seconds}}.dump(), "\n")));
    GRAFT_RETURN_IF_ERROR(FlushStandardOutput());
  }
  return absl::OkStatus();
}

}  // namespace graft
