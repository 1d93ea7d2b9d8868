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

// What became of the function after the first steps.
struct Trial {
  std::unique_ptr<ir::Function> function;
  int64_t applications = 0;  // of the last step
  std::string flaw = {};     // empty: none
};

class Bisection {
 public:
  Bisection(const ir::Function& function, std::span<const Step> steps, const Arrays& arguments)
      : function_(function), steps_(steps), arguments_(arguments) {
    try {
      expected_ = run(*reference::interpret(function), arguments);
    } catch (const backends::RecordedError& error) {
      throw Error(std::string("there is nothing to compare: the function records an error: ") + error.what());
    }
  }

  std::optional<Culprit> find() const {
    if (trial(steps_.size(), kAll).flaw.empty()) return {};
    const auto bad_after = [&](int64_t steps) {
      return !trial(static_cast<size_t>(steps), kAll).flaw.empty();
    };
    const auto guilty = static_cast<size_t>(first_bad(std::ssize(steps_), bad_after));
    Trial whole = trial(guilty, kAll);
    Culprit culprit{guilty - 1, whole.applications, 0, whole.flaw, nullptr, nullptr};
    const auto bad_with = [&](int64_t most) { return !trial(guilty, most).flaw.empty(); };
    if (bad_with(0)) {
      culprit.before = trial(guilty - 1, kAll).function;
      culprit.after = std::move(whole.function);
      return culprit;
    }
    culprit.application = first_bad(whole.applications, bad_with);
    culprit.before = trial(guilty, culprit.application - 1).function;
    Trial after = trial(guilty, culprit.application);
    culprit.flaw = after.flaw;
    culprit.after = std::move(after.function);
    return culprit;
  }

 private:
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

  // Runs the first `count` steps, the last of them with at most so many rewrites.
  Trial trial(size_t count, int64_t most) const {
    passes::PassRunner runner({.verify_each = true, .reproducers = false, .debug = {}});
    Trial trial{ir::clone_function(function_, function_.name)};
    for (size_t i = 0; i < count; ++i) {
      passes::Applications applications(i + 1 < count ? kAll : most);
      try {
        runner.run(steps_[i].name, "", *trial.function, steps_[i].run);
      } catch (const InternalError& error) {
        const std::string what = error.what();
        trial.flaw = what.substr(0, what.find('\n'));
        trial.function = nullptr;
      }
      trial.applications = applications.count();
      if (!trial.flaw.empty()) return trial;
    }
    trial.flaw = difference_from_expected(*trial.function);
    return trial;
  }

  std::string difference_from_expected(const ir::Function& function) const {
    try {
      const Arrays found = run(*reference::interpret(function), arguments_);
      for (size_t i = 0; i < expected_.size(); ++i) {
        const Difference difference = largest_difference(found[i], expected_[i]);
        if (difference.any) return "result " + std::to_string(i) + " differs: " + difference.text();
      }
      return {};
    } catch (const std::exception& error) {
      return std::string("it runs no more: ") + error.what();
    }
  }

  const ir::Function& function_;
  std::span<const Step> steps_;
  const Arrays& arguments_;
  Arrays expected_;
};

}  // namespace

std::optional<Culprit> bisect(const ir::Function& function, std::span<const Step> steps,
                              const Arrays& arguments) {
  return Bisection(function, steps, arguments).find();
}

}  // namespace rondo::tools
