// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <signal.h>

namespace rondo::runtime {

/// While it lives, the first SIGINT or SIGTERM only sets a flag, so that a long job can save and end in
/// order; the second one ends the process at once with the shell's code for it (130, 143). A signal that was
/// ignored before, as under nohup, stays ignored. The destructor restores what was there. Only one may live
/// at a time, else Failure.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Number of the signal that came, 0 if none did.
  int stop_requested() const;

 private:
  struct sigaction interrupt_before_, terminate_before_;
};

}  // namespace rondo::runtime
