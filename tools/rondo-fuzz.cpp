// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// rondo-fuzz: random programs against the interpreter, the parser, finite differences and the unrolled loop.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "ir/error.h"
#include "ir/print.h"
#include "tools/command_line.h"
#include "tools/fuzz/checks.h"
#include "tools/fuzz/generator.h"
#include "tools/number_option.h"

namespace {

using namespace rondo;
using fuzz::Verdict;

// So many programs of a check may find no draw that is fit to judge.
constexpr int64_t kMaxSkipped = 2;

struct Options {
  uint64_t seed = 0;
  int64_t count = 1000;
  int64_t only = -1;
  std::vector<std::string> checks = {"text", "passes", "compiled", "gradient", "jvp", "second", "unroll"};
  bool print = false;
};

struct Check {
  std::string name;
  fuzz::GeneratorOptions programs;
  std::function<Verdict(const ir::Function&, fuzz::Random&)> run;
};

const std::vector<Check>& all_checks() {
  static const std::vector<Check> checks = {
      {"text", {}, [](const ir::Function& f, fuzz::Random&) { return fuzz::check_text(f); }},
      {"passes", {.large = 0.01}, fuzz::check_passes},
      {"compiled", {}, fuzz::check_compiled},
      {"gradient",
       {.smooth = true, .whiles = false, .layers = 0.5, .doubles = true, .large = 0.01},
       fuzz::check_gradient},
      {"jvp",
       {.smooth = true, .calls = false, .layers = 0.3, .doubles = true, .large = 0.01},
       fuzz::check_jvp},
      {"second",
       {.smooth = true, .whiles = false, .calls = false, .layers = 0.3, .doubles = true, .large = 0},
       fuzz::check_second},
      {"unroll",
       {.smooth = true, .whiles = false, .layers = 0.5, .ends_in_scan = true, .large = 0},
       fuzz::check_unrolled_gradient},
  };
  return checks;
}

struct Tally {
  int64_t passed = 0, failed = 0, skipped = 0, drawn_again = 0;
};

// The program of one number of one check: a stream of its own, so that a failure is found again by its number
// alone.
fuzz::Random stream(uint64_t seed, int64_t number, int64_t draw) {
  fuzz::Random mix(seed);
  return fuzz::Random(mix.next() ^
                      fuzz::Random(static_cast<uint64_t>(number) * 64 + static_cast<uint64_t>(draw)).next());
}

void report(const Check& check, const Options& options, int64_t number, const std::string& detail,
            const std::string& text) {
  std::printf("%s: program %lld of seed %llu: %s\n%s\n", check.name.c_str(), static_cast<long long>(number),
              static_cast<unsigned long long>(options.seed), detail.c_str(), text.c_str());
}

// Draws until the check judges; after kMaxDraws draws the program counts as skipped.
void run_one(const Check& check, const Options& options, int64_t number, Tally& tally) {
  constexpr int64_t kMaxDraws = 16;
  for (int64_t draw = 0; draw < kMaxDraws; ++draw) {
    fuzz::Random random = stream(options.seed, number, draw);
    fuzz::GeneratorOptions programs = check.programs;
    programs.ops = static_cast<int>(random.between(3, 24));
    Verdict verdict;
    std::string text;
    try {
      const auto function = fuzz::Generator(random, programs).make("f");
      text = ir::print(*function);
      if (options.print) std::printf("%s\n", text.c_str());
      verdict = check.run(*function, random);
    } catch (const std::exception& error) {
      verdict = {Verdict::kFail, error.what()};
    }
    switch (verdict.kind) {
      case Verdict::kPass:
        ++tally.passed;
        return;
      case Verdict::kFail:
        ++tally.failed;
        return report(check, options, number, verdict.detail, text);
      case Verdict::kSkip:
        ++tally.skipped;
        return report(check, options, number, "skipped: " + verdict.detail, text);
      case Verdict::kDrawAgain:
        ++tally.drawn_again;
        break;
    }
  }
  ++tally.skipped;
  report(check, options, number, "skipped: no draw of it was fit to judge", "");
}

int run(const Options& options) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
  bool good = true;
  for (const std::string& name : options.checks)
    for (const Check& check : all_checks()) {
      if (check.name != name) continue;
      Tally tally;
      const int64_t first = options.only < 0 ? 0 : options.only;
      const int64_t end = options.only < 0 ? options.count : options.only + 1;
      for (int64_t number = first; number < end; ++number) run_one(check, options, number, tally);
      std::printf("%s: %lld passed, %lld failed, %lld skipped (%lld draws thrown away)\n", name.c_str(),
                  static_cast<long long>(tally.passed), static_cast<long long>(tally.failed),
                  static_cast<long long>(tally.skipped), static_cast<long long>(tally.drawn_again));
      good = good && tally.failed == 0 && tally.skipped <= kMaxSkipped;
    }
  if (std::fflush(stdout) != 0) throw Error(std::string("standard output: ") + std::strerror(errno));
  return good ? tools::kDone : tools::kInputError;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.seed = std::random_device{}();
  std::vector<std::string> names;
  for (const Check& check : all_checks()) names.push_back(check.name);
  CLI::App app{"Runs checks on random programs; exits 1 if one fails or too many are skipped."};
  app.option_defaults()->disable_flag_override();
  app.add_option("--seed", options.seed, "The seed, printed first; one is drawn if it is not given")
      ->check(tools::whole_number());
  app.add_option("--count", options.count, "Programs for each check")->check(tools::whole_number());
  app.add_option("--check", options.checks, "Which checks; all if not given")->check(CLI::IsMember(names));
  app.add_option("--only", options.only, "Just the program of this number")->check(tools::whole_number());
  app.add_flag("--print", options.print, "Print each program");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? tools::kDone : tools::kUsageError;
  }
  return tools::run_tool("rondo-fuzz", [&] { return run(options); });
}
