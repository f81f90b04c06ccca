// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/option_checks.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "runtime/base/message.h"

namespace graft {
namespace {

// A wrong command line.
struct WrongUsage {
  std::string command;  // whose help explains more: "graft finetune"
  std::string line;     // what is wrong
};

// Checks and rewrites the arguments before CLI11 sees them: it takes the next
// argument as the value of `--name=`, drops empty parts of lists, and has no
// suggestions.
class ArgumentReader {
 public:
  ArgumentReader(CLI::App& app, const OptionValues& values)
      : app_(app), values_(values), command_(&app) {}

  std::optional<WrongUsage> Read(const std::vector<std::string>& arguments) {
    size_t next = 0;
    if (!app_.get_subcommands({}).empty()) {
      if (arguments.empty()) return Wrong("expects a command, got none");
      if (auto wrong = ReadCommand(arguments[0])) return wrong;
      next = 1;
    }
    while (next < arguments.size())
      if (auto wrong = ReadArgument(arguments, next)) return wrong;
    return std::nullopt;
  }

  // In the order of the command line.
  std::vector<std::string>& arguments() { return read_; }

  WrongUsage Wrong(absl::string_view message) const {
    std::string command = app_.get_name();
    if (command_ != &app_) absl::StrAppend(&command, " ", command_->get_name());
    return {std::move(command), absl::StrCat(app_.get_name(), ": ", message)};
  }

 private:
  std::optional<WrongUsage> ReadCommand(const std::string& word) {
    read_.push_back(word);
    if (absl::StartsWith(word, "-")) {
      const std::string name = word.substr(0, word.find('='));
      if (app_.get_option_no_throw(name)) return std::nullopt;
      return UnknownOption(name);
    }
    std::vector<std::string> names;
    for (const CLI::App* command : app_.get_subcommands({}))
      names.push_back(command->get_name());
    if (absl::c_linear_search(names, word)) {
      command_ = app_.get_subcommand(word);
      return std::nullopt;
    }
    const std::string shown = word.empty() ? "\"\"" : Shorten(word);
    return WrongUsage{app_.get_name(), absl::StrCat(app_.get_name(), " ", shown,
                                                    ": no such command",
                                                    DidYouMean(word, names))};
  }

  // Reads arguments[next] and its value, if any.
  std::optional<WrongUsage> ReadArgument(
      const std::vector<std::string>& arguments, size_t& next) {
    const std::string& argument = arguments[next++];
    if (argument.empty()) return Wrong("expects an argument, got an empty one");
    if (argument == "--") {
      read_.insert(read_.end(), arguments.begin() + (next - 1),
                   arguments.end());
      next = arguments.size();
      return std::nullopt;
    }
    if (!absl::StartsWith(argument, "--") && !IsShort(argument)) {
      read_.push_back(argument);
      return std::nullopt;
    }
    const size_t equal = IsShort(argument) ? argument.npos : argument.find('=');
    const std::string name = argument.substr(0, equal);
    const CLI::Option* option = command_->get_option_no_throw(name);
    if (!option) return UnknownOption(name);
    if (option->get_items_expected_max() == 0) {
      read_.push_back(argument);
      return std::nullopt;
    }
    std::string value;
    if (equal != argument.npos) {
      value = argument.substr(equal + 1);
    } else if (next < arguments.size()) {
      value = arguments[next++];
      if (IsOption(value) && !absl::c_linear_search(values_.take_options, name))
        return Wrong(absl::StrCat(name, ": expects a value, got the option ",
                                  value.substr(0, value.find('='))));
    } else {
      return Wrong(absl::StrCat(name, ": expects a value, got none"));
    }
    if (auto wrong = CheckValue(*option, name, value)) return wrong;
    read_.push_back(name);
    read_.push_back(value);
    return std::nullopt;
  }

  std::optional<WrongUsage> CheckValue(const CLI::Option& option,
                                       const std::string& name,
                                       const std::string& value) const {
    if (value.empty() && !absl::c_linear_search(values_.may_be_empty, name)) {
      const std::string type = option.get_type_name();
      return Wrong(absl::StrCat(name, ": expects ",
                                absl::StartsWith(type, "DIRECTORY")
                                    ? "a directory"
                                : absl::StartsWith(type, "FILE") ? "a file"
                                                                 : "a value",
                                ", got an empty value"));
    }
    if (const char delimiter = option.get_delimiter(); delimiter != '\0')
      for (const absl::string_view part : absl::StrSplit(value, delimiter))
        if (part.empty())
          return Wrong(absl::StrCat(
              name, ": expects values between commas, got ", Shorten(value)));
    return std::nullopt;
  }

  // Whether it is spelt like one of the command.
  bool IsOption(const std::string& argument) const {
    return absl::StartsWith(argument, "-") &&
           command_->get_option_no_throw(
               argument.substr(0, argument.find('='))) != nullptr;
  }

  // -o, but not -5.
  static bool IsShort(absl::string_view argument) {
    return argument.size() == 2 && argument[0] == '-' &&
           absl::ascii_isalpha(argument[1]);
  }

  WrongUsage UnknownOption(const std::string& name) const {
    std::vector<std::string> names;
    for (const CLI::Option* option : command_->get_options())
      for (const std::string& known : option->get_lnames())
        names.push_back(absl::StrCat("--", known));
    return Wrong(absl::StrCat(Shorten(name), ": no such option",
                              DidYouMean(name, names)));
  }

  CLI::App& app_;
  const OptionValues& values_;
  CLI::App* command_;
  std::vector<std::string> read_;
};

// The first option that a text names.
std::string OptionIn(const std::string& text) {
  const size_t start = std::min(text.find('-'), text.size());
  return text.substr(start, text.find_first_of(": =", start) - start);
}

// What CLI11 found, in our words.
std::string Rephrase(const CLI::App& app, const CLI::ParseError& error) {
  const std::string text = error.what();
  const std::string name = text.substr(0, text.find_first_of(": "));
  if (dynamic_cast<const CLI::ExtrasError*>(&error))
    return absl::StrCat("expects no further argument, got ",
                        app.remaining(/*recurse=*/true).front());
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error))
    return absl::StrCat(name, ": expects one value, got several");
  // Of flags: other values are checked before they are converted.
  if (dynamic_cast<const CLI::ConversionError*>(&error))
    return absl::StrCat(OptionIn(text), ": expects no value, or true or false");
  if (dynamic_cast<const CLI::ExcludesError*>(&error))
    return absl::StrCat(name, ": not together with ",
                        text.substr(text.rfind(' ') + 1));
  return text;
}

// A check that is named in --help.
template <typename Check>
CLI::Validator Named(std::string name, Check check) {
  return CLI::Validator(
      [check = std::move(check)](std::string& text) { return check(text); },
      std::move(name));
}

}  // namespace

CLI::Validator WholeNumber(uint64_t least, uint64_t most) {
  return Named(most >= kMostCounted ? absl::StrCat("from ", least)
                                    : absl::StrCat(least, " to ", most),
               [=](const std::string& text) {
                 return WholeNumberError(text, least, most);
               });
}

CLI::Validator Number(double least, double most) {
  return Named(
      most == kInfinity ? absl::StrCat("from ", least)
                        : absl::StrCat(least, " to ", most),
      [=](const std::string& text) { return NumberError(text, least, most); });
}

CLI::Validator OneOf(std::vector<std::string> choices) {
  std::string name = ListChoices(choices);
  return Named(std::move(name),
               [choices = std::move(choices)](const std::string& text) {
                 return ChoiceError(text, choices);
               });
}

CLI::Validator PowerOfTwo() { return Named("power of two", PowerOfTwoError); }

CLI::Validator ByteSize() {
  return CLI::Validator(
      [](std::string& text) {
        double bytes = 0;
        std::string error = ByteSizeError(text, bytes);
        if (error.empty()) text = absl::StrFormat("%.17g", bytes);
        return error;
      },
      "BYTES");
}

std::optional<int> ParseCommandLine(CLI::App& app, int argc,
                                    const char* const* argv,
                                    const OptionValues& values) {
  const auto fail = [](const WrongUsage& wrong) {
    std::fprintf(stderr, "%s\nsee %s --help\n", wrong.line.c_str(),
                 wrong.command.c_str());
    return 2;
  };
  ArgumentReader reader(app, values);
  if (auto wrong = reader.Read(std::vector<std::string>(argv + 1, argv + argc)))
    return fail(*wrong);
  std::vector<std::string>& arguments = reader.arguments();
  // CLI11 takes them from the back.
  std::reverse(arguments.begin(), arguments.end());
  // Parsing reports by exceptions; they end here.
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return fail(reader.Wrong(Rephrase(app, error)));
  }
  return std::nullopt;
}

}  // namespace graft
