// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/strings/str_cat.h"
#include "runtime/artifact/data_settings.h"
#include "runtime/base/file.h"
#include "runtime/base/status_macros.h"
#include "runtime/formats/config.h"
#include "tools/graft/commands.h"
#include "tools/graft/export_artifact.h"
#include "tools/graft/training/finetune_options.h"
#include "tools/graft/training/option_effects.h"
#include "tools/graft/training/strategy_options.h"
#include "tools/graft/training/stream_tasks.h"
#include "tools/graft/training/train_strategy.h"
#include "tools/graft/training/training_run.h"

namespace graft {
namespace {

// Columns that the command line names.
struct GivenColumns {
  bool text = false, pair = false, label = false;
};

// Exports the artifact `options.teacher` to a folder of the preparation,
// which becomes the teacher.
absl::Status ExportTeacher(FileSystem& files, FinetuneOptions& options) {
  const std::string directory = TeacherIn(options);
  GRAFT_ASSIGN_OR_RETURN(
      const ExportReport report,
      ExportArtifact(files, options.teacher, directory, DType::kF32));
  if (!report.untrained.empty())
    return absl::InvalidArgumentError(absl::StrCat(
        "--teacher: expects a trained classifier, got one without values: ",
        report.untrained));
  if (report.labels.size() < 2)
    return absl::InvalidArgumentError(
        absl::StrCat("--teacher: expects a classifier, got the regression ",
                     options.teacher));
  options.teacher = directory;
  return absl::OkStatus();
}

// Takes from the teacher how texts are read, where the command line is silent.
absl::Status TakeDataSettings(FileSystem& files, const GivenColumns& given,
                              FinetuneOptions& options) {
  GRAFT_ASSIGN_OR_RETURN(
      const ModelConfig config,
      ModelConfig::Read(files, JoinPath(options.teacher, "config.json")));
  GRAFT_ASSIGN_OR_RETURN(const std::optional<DataSettingsSpec> data,
                         ReadDataSettings(config));
  if (!data) return absl::OkStatus();
  if (!given.text) options.table.text_column = data->text_column;
  if (!given.pair) options.table.pair_column = data->pair_column;
  if (!given.label && !data->label_column.empty())
    options.table.label_column = data->label_column;
  if (options.max_length == 0) options.teacher_length = data->max_length;
  return absl::OkStatus();
}

// Makes a directory of the teacher, if it is an artifact, and reads texts as it
// does. The folder of the run is open.
absl::Status ReadTeacher(const GivenColumns& given, FinetuneOptions& options) {
  FileSystem& files = FileSystem::Posix();
  if (!files.Exists(options.teacher))
    return absl::NotFoundError(absl::StrCat(
        options.teacher,
        ": expects a trained artifact or a checkpoint directory, got nothing "
        "of that name; nothing is downloaded"));
  if (!files.IsDirectory(options.teacher))
    GRAFT_RETURN_IF_ERROR(ExportTeacher(files, options));
  return TakeDataSettings(files, given, options);
}

// Trains the student in the folder that is open.
absl::Status TrainStudent(FinetuneOptions& options, const GivenColumns& given,
                          RunFolder& folder, const CommandContext& context) {
  GRAFT_RETURN_IF_ERROR(ReadTeacher(given, options));
  GRAFT_ASSIGN_OR_RETURN(PreparedRun run, PrepareRun(options, *context.stop));
  return Train(options, std::move(run), folder, context);
}

absl::Status Distill(FinetuneOptions options, const GivenColumns& given,
                     const CommandContext& context) {
  GRAFT_RETURN_IF_ERROR(TakeTaskColumns(options));
  GRAFT_RETURN_IF_ERROR(CheckEffects(options, HasEvaluation(options)));
  GRAFT_ASSIGN_OR_RETURN(const std::unique_ptr<RunFolder> folder,
                         OpenRunFolder(options, InputsOf(options)));
  const std::string teacher = options.teacher;
  return NameAsGiven(TrainStudent(options, given, *folder, context), options,
                     teacher);
}

// The page of a method, with the data and the models of `options`.
TrainCommandOptions Instantiate(const FinetuneOptions& options,
                                const GivenColumns& given,
                                const std::string& method) {
  TrainCommandOptions train = InstantiatePage(options, method);
  train.teacher = options.teacher;
  train.run.strategy.models.push_back(
      absl::StrCat("teacher=", options.teacher));
  train.begin = [given](FinetuneOptions& run) -> absl::Status {
    GRAFT_RETURN_IF_ERROR(ReadTeacher(given, run));
    run.strategy.models.back() = absl::StrCat("teacher=", run.teacher);
    return absl::OkStatus();
  };
  return train;
}

}  // namespace

void AddDistillCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand(
      "distill", "Train a smaller encoder on the predictions of a trained one");
  auto options = std::make_shared<FinetuneOptions>();
  options->streams.front().partly_labelled = true;
  command
      ->add_option("--teacher", options->teacher,
                   "classifier to learn from: model.graft, or a directory "
                   "written by `graft export`; the student gets its labels")
      ->type_name("FILE or DIRECTORY")
      ->required();
  AddModelOptions(*command, *options);
  command->get_option("--model")->required();
  command->get_option("--train")->required()->description(
      "table to train on; a row without a label learns from the "
      "teacher alone");
  AddLayersOption(*command, *options);
  AddTrainingOptions(*command, *options);
  auto method = std::make_shared<std::string>();
  command->add_option("--method", *method,
                      "page to train by, of a model and a teacher, such as pkd "
                      "or hidden; `graft strategies` describes them (default: "
                      "distill)");
  AddStrategyOptions(*command, *options, /*teacher=*/true);
  AddRunOptions(*command, *options);
  command->footer(
      "Example:\n"
      "  graft distill --teacher out/model.graft --model minilm/ \\\n"
      "      --student-layers 0,2,4 --train train.tsv --output student/\n"
      "  graft distill --method hidden --teacher out/model.graft \\\n"
      "      --model minilm/ --student-layers 1,3,5 --train train.tsv \\\n"
      "      --set state_epochs=5 --output student/");
  command->callback([command, options, method, &context] {
    const auto given = [command](const char* option) {
      return command->count(option) > 0;
    };
    const GivenColumns columns = {given("--text-column"),
                                  given("--pair-column"),
                                  given("--label-column")};
    context.saves_on_signal = true;
    if (!method->empty()) {
      TrainCommandOptions train = Instantiate(*options, columns, *method);
      train.batch_size_given = given("--batch-size");
      context.run = [train, &context] { return TrainStrategy(train, context); };
      return;
    }
    context.run = [options, columns, &context] {
      return Distill(*options, columns, context);
    };
  });
}

}  // namespace graft
