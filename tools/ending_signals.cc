// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

#include "tools/ending_signals.h"

#include <csignal>

#include "runtime/base/temporary_files.h"

namespace graft {

void EndBySignal(int signal) {
  RemoveTemporaryFiles();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void HandleEndingSignals(void (*handler)(int)) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    const bool kept =
        std::signal(signal, handler) == SIG_IGN && signal == SIGHUP;
    if (kept) std::signal(signal, SIG_IGN);
  }
}

}  // namespace graft
