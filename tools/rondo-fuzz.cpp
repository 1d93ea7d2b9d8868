// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// rondo-fuzz: random programs against the interpreter, the parser, finite differences, the unrolled loop and double
// precision.
#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "tools/command_line.h"
#include "tools/fuzz/checks.h"
#include "tools/fuzz/generator.h"
#include "tools/fuzz/isolate.h"
#include "tools/fuzz/reduce.h"
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
  std::vector<std::string> checks = {"text", "passes", "reassoc", "compiled", "gradient",
                                     "jvp",  "second", "unroll",  "onednn",   "mangled"};
  std::string program;  // a file of functions to check instead of random ones
  bool print = false, reduce = false;
};

struct Check {
  std::string name;
  fuzz::GeneratorOptions programs;  // the largest
  std::function<Verdict(const ir::Function&, fuzz::Random&)> run;
};

const std::vector<Check>& all_checks() {
  static const std::vector<Check> checks = {
      {"text", {}, [](const ir::Function& f, fuzz::Random&) { return fuzz::check_text(f); }},
      {"passes", {.layers = 0.25, .large = 0.01}, fuzz::check_passes},
      {"reassoc",
       {.smooth = true, .whiles = false, .layers = 0.7, .doubles = true, .large = 0.01},
       fuzz::check_reassoc},
      {"compiled", {.ops = 10, .layers = 0.25}, fuzz::check_compiled},
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
      // What is rounded to bf16 is too far from the exact result to judge others by.
      {"onednn",
       {.ops = 12, .smooth = true, .layers = 0.3, .narrow = false, .large = 0.2, .dots = 0.2},
       fuzz::check_onednn},
      {"mangled", {}, fuzz::check_mangled},
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

std::unique_ptr<ir::Function> draw_program(const Check& check, fuzz::Random& random) {
  fuzz::GeneratorOptions programs = check.programs;
  programs.ops = static_cast<int>(random.between(3, programs.ops));
  return fuzz::Generator(random, programs).make("f");
}

std::string number_text(const Check& check, const Options& options, int64_t number) {
  return check.name + ": program " + std::to_string(number) + " of seed " + std::to_string(options.seed);
}

// The failing program made small, as a text test that fails as it does.
std::string reduced_text(const Check& check, const ir::Function& function, fuzz::Random random,
                         const std::string& detail) {
  constexpr uint64_t kStreams =
      4;  // a smaller program meets other arguments: a few draws before it is let off
  const std::string kind = fuzz::failure_kind(detail);
  std::vector<fuzz::Random> streams = {random};
  for (uint64_t i = 0; i < kStreams; ++i) streams.emplace_back(i);
  std::string last = detail;
  const fuzz::Reduced reduced = fuzz::reduce(function, [&](const ir::Function& smaller) {
    for (size_t i = 0; i < streams.size(); ++i) {
      const Verdict verdict = fuzz::in_own_process([&] {
        fuzz::Random draws = streams[i];
        return check.run(smaller, draws);
      });
      if (verdict.kind != Verdict::kFail || fuzz::failure_kind(verdict.detail) != kind) continue;
      std::swap(streams[0], streams[i]);  // where it failed last it is likely to fail next
      last = verdict.detail;
      return true;
    }
    return false;
  });
  return "// RUN: rondo-fuzz --program %s --check " + check.name + " --seed 1 --count 20\n// " +
         std::to_string(reduced.ops_before) + " ops made " + std::to_string(reduced.ops_after) + " in " +
         std::to_string(reduced.tries) + " tries: " + last.substr(0, last.find('\n')) + "\n" +
         ir::print(*reduced.function);
}

// Draws until the check judges; after kMaxDraws draws the program counts as skipped. `given`: the program, if it
// is not to be drawn.
void run_one(const Check& check, const Options& options, int64_t number, const ir::Function* given,
             Tally& tally) {
  constexpr int64_t kMaxDraws = 16;
  for (int64_t draw = 0; draw < kMaxDraws; ++draw) {
    fuzz::Random random = stream(options.seed, number, draw);
    std::unique_ptr<ir::Function> function;
    const Verdict drawn = fuzz::in_this_process([&] {
      function = given != nullptr ? ir::clone_function(*given, given->name) : draw_program(check, random);
      return Verdict{};
    });
    const fuzz::Random before = random;
    const auto judge = [&] { return check.run(*function, random); };
    const Verdict verdict = function == nullptr ? drawn
                            : options.reduce    ? fuzz::in_own_process(judge)
                                                : fuzz::in_this_process(judge);
    const std::string text = function != nullptr ? ir::print(*function) : "";
    if (options.print) std::printf("%s\n", text.c_str());
    const std::string what = number_text(check, options, number);
    switch (verdict.kind) {
      case Verdict::kPass:
        ++tally.passed;
        return;
      case Verdict::kFail:
        ++tally.failed;
        std::printf("%s: %s\n%s\n", what.c_str(), verdict.detail.c_str(), text.c_str());
        if (options.reduce && function != nullptr)
          std::printf("%s\n", reduced_text(check, *function, before, verdict.detail).c_str());
        return;
      case Verdict::kSkip:
        ++tally.skipped;
        std::printf("%s: skipped: %s\n%s\n", what.c_str(), verdict.detail.c_str(), text.c_str());
        return;
      case Verdict::kDrawAgain:
        ++tally.drawn_again;
        break;
    }
  }
  ++tally.skipped;
  std::printf("%s: skipped: no draw of it was fit to judge\n\n", number_text(check, options, number).c_str());
}

Tally run_check(const Check& check, const Options& options, const ir::Module& given) {
  Tally tally;
  const int64_t first = options.only < 0 ? 0 : options.only;
  const int64_t end = options.only < 0 ? options.count : options.only + 1;
  for (int64_t number = first; number < end; ++number) {
    if (options.program.empty()) run_one(check, options, number, nullptr, tally);
    for (const auto& function : given.functions) run_one(check, options, number, function.get(), tally);
    if (options.reduce && tally.failed > 0) break;  // one at a time
  }
  return tally;
}

int run(const Options& options) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
  ir::Module given;
  if (!options.program.empty()) given = ir::parse(tools::read_text(options.program), options.program);
  bool good = true;
  for (const std::string& name : options.checks)
    for (const Check& check : all_checks()) {
      if (check.name != name) continue;
      const Tally tally = run_check(check, options, given);
      std::printf("%s: %lld passed, %lld failed, %lld skipped (%lld draws thrown away)\n", name.c_str(),
                  static_cast<long long>(tally.passed), static_cast<long long>(tally.failed),
                  static_cast<long long>(tally.skipped), static_cast<long long>(tally.drawn_again));
      good = good && tally.failed == 0 && tally.skipped <= kMaxSkipped;
    }
  tools::finish_output();
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
  app.add_flag("--reduce", options.reduce,
               "Make the first program that fails a check small, and print it as a text test");
  app.add_option("--program", options.program,
                 "Check the functions of this file, with --count draws of arguments")
      ->type_name("FILE");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? tools::kDone : tools::kUsageError;
  }
  return tools::run_tool("rondo-fuzz", [&] { return run(options); });
}
