// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/graph.h"
#include "passes/debug.h"
#include "passes/passes.h"

namespace rondo::passes {

/// Removes the stages that an earlier process dumped into the folder, which would be taken for this one's. Does nothing the
/// second time.
void clear_dump(const std::string& folder);

/// Runs passes and watches over them: verifies, times, prints and dumps, as options and environment ask. An
/// Error of a pass goes through, and so does a lack of memory; whatever else goes wrong is an InternalError
/// that names the pass and a reproducer (reproducer.h), and prints the function as it was before.
class PassRunner {
 public:
  struct Options {
    bool verify_each = verifies_by_default();
    bool print_changed = false;             // to stderr, as RONDO_DEBUG=2 does
    bool reproducers = true;                // writes one where a pass fails
    std::vector<std::string> without = {};  // passes of pipelines that are left out, by name
    Debug debug = Debug::get();
  };

  PassRunner() = default;
  explicit PassRunner(Options options) : options_(std::move(options)) {}

  /// Returns whether the pass changed the function.
  bool run(const Pass& pass, ir::Function& function) {
    return run(pass.name, "--" + pass.name, function, pass.run);
  }
  /// One after another. The reproducer of one that fails has those that were still to run, too.
  void run(std::span<const Pass> pipeline, ir::Function& function);
  /// Anything that changes a function; rondo-opt does the same if it is given `options`.
  bool run(std::string_view name, std::string_view options, ir::Function& function,
           const std::function<bool(ir::Function&)>& pass);
  /// Anything that makes a new function of one.
  std::unique_ptr<ir::Function> make(
      std::string_view name, std::string_view options, const ir::Function& from,
      const std::function<std::unique_ptr<ir::Function>(const ir::Function&)>& maker);

  /// Verifies, prints and dumps a function that came from elsewhere (read, traced, differentiated) as if a
  /// pass of that name had made it.
  void observe(std::string_view name, const ir::Function& function) const;

  /// Verifies a function that is about to run, if that is the default; shows nothing. So whatever a backend is
  /// given keeps the rules and reads back from its text, whoever made it.
  static void verify_given(std::string_view receiver, const ir::Function& function);

  /// True in builds with RONDO_VERIFY_EACH (the presets dev and asan), and where the variable RONDO_VERIFY
  /// asks for it.
  static bool verifies_by_default();

 private:
  void guard(std::string_view name, std::string_view options, const ir::Function& before,
             const std::function<void()>& body) const;
  void show(std::string_view name, const ir::Function& function) const;
  void report(std::string_view name, const ir::Function& function, bool changed, double milliseconds) const;

  Options options_;
};

}  // namespace rondo::passes
