// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/debug/bisect.h"

#include <limits>

#include "backends/reference/interpreter.h"
#include "ir/builder.h"
#include "passes/applications.h"
#include "passes/pass_runner.h"
#include "tools/debug/difference.h"

namespace rondo::tools {

namespace {

constexpr int64_t kAll = std::numeric_limits<int64_t>::max();

// What a step makes of the function.
struct Trial {
  std::unique_ptr<ir::Function> function;
  int64_t applications = 0;  // of the last step
  std::string flaw = {};     // empty: none
};

class Bisection {
 public:
  Bisection(const ir::Function& function, std::span<const Step> steps, const Arrays& arguments)
      : steps_(steps), arguments_(arguments), function_(ir::clone_function(function, function.name)) {}

  std::optional<Culprit> find() {
    try {
      expected_ = run(*reference::interpret(*function_), arguments_);
    } catch (const backends::RecordedError& error) {
      throw Error(std::string("there is nothing to compare: the function records an error: ") + error.what());
    }
    for (size_t i = 0; i < steps_.size(); ++i) {
      step_ = &steps_[i];
      in_doubles_ = step_->bits != passes::Bits::exact ? doubles_of(*function_) : Arrays{};
      Trial whole = trial(kAll);
      if (!whole.flaw.empty()) return culprit(i, std::move(whole));
      function_ = std::move(whole.function);
      if (!in_doubles_.empty()) expected_ = run(*reference::interpret(*function_), arguments_);
    }
    return {};
  }

 private:
  Culprit culprit(size_t step, Trial whole) const {
    Culprit culprit{step, whole.applications, 0, whole.flaw, nullptr, nullptr};
    const auto bad_with = [&](int64_t most) { return !trial(most).flaw.empty(); };
    if (bad_with(0)) {
      culprit.before = ir::clone_function(*function_, function_->name);
      culprit.after = std::move(whole.function);
      return culprit;
    }
    culprit.application = first_bad(whole.applications, bad_with);
    culprit.before = trial(culprit.application - 1).function;
    Trial after = trial(culprit.application);
    culprit.flaw = after.flaw;
    culprit.after = std::move(after.function);
    return culprit;
  }

  // The least number in [1, bad] that is bad where the one before is good; 0 is good.
  template <class IsBad>
  static int64_t first_bad(int64_t bad, IsBad&& is_bad) {
    int64_t good = 0;
    while (bad - good > 1) {
      const int64_t middle = good + (bad - good) / 2;
      (is_bad(middle) ? bad : good) = middle;
    }
    return bad;
  }

  // Runs the step with at most so many rewrites.
  Trial trial(int64_t most) const {
    passes::PassRunner runner({.verify_each = true, .reproducers = false, .debug = {}});
    Trial trial{ir::clone_function(*function_, function_->name)};
    passes::Applications applications(most);
    try {
      runner.run(step_->name, "", *trial.function, step_->run);
    } catch (const InternalError& error) {
      const std::string what = error.what();
      trial.flaw = what.substr(0, what.find('\n'));
      trial.function = nullptr;
    }
    trial.applications = applications.count();
    if (trial.flaw.empty()) trial.flaw = difference_from_expected(*trial.function);
    return trial;
  }

  Arrays doubles_of(const ir::Function& function) const {
    return run(*reference::interpret(function, reference::Precision::kDouble), arguments_);
  }

  std::string difference_from_expected(const ir::Function& function) const {
    try {
      const bool exact = in_doubles_.empty();
      const Arrays found = exact ? run(*reference::interpret(function), arguments_) : doubles_of(function);
      for (size_t i = 0; i < found.size(); ++i) {
        if (!exact && relative_difference(found[i], in_doubles_[i]) <= kTolerance) continue;
        const Difference difference = largest_difference(found[i], exact ? expected_[i] : in_doubles_[i]);
        if (difference.any) return "result " + std::to_string(i) + " differs: " + difference.text();
      }
      return {};
    } catch (const std::exception& error) {
      return std::string("it runs no more: ") + error.what();
    }
  }

  static constexpr double kTolerance = 1e-9;

  std::span<const Step> steps_;
  const Arrays& arguments_;
  std::unique_ptr<ir::Function> function_;  // before the step
  const Step* step_ = nullptr;
  Arrays expected_, in_doubles_;  // of it; the second only if the step may add up in another order
};

}  // namespace

std::optional<Culprit> bisect(const ir::Function& function, std::span<const Step> steps,
                              const Arrays& arguments) {
  return Bisection(function, steps, arguments).find();
}

}  // namespace rondo::tools
