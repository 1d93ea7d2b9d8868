// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Reads a module, runs passes on it in the order of the command line, prints it.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <vector>

#include "ir/manual.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/substitute.h"
#include "ir/text.h"
#include "ir/verify.h"
#include "passes/jvp.h"
#include "passes/pass_runner.h"
#include "passes/pipeline.h"
#include "passes/reproducer.h"
#include "passes/vjp.h"
#include "tools/command_line.h"
#include "tools/debug/bisect.h"
#include "tools/number_option.h"
#include "tools/sizes_option.h"

using namespace rondo;
using namespace rondo::tools;

namespace {

/// What the command line asks for.
struct Request {
  std::string input, output = "-";
  passes::PassRunner::Options runner;
  std::string stop_after;
  bool bisect = false;
  std::string entry;         // the function to bisect
  ArgumentSource arguments;  // of it
  struct Step {
    const passes::Pass* pass = nullptr;
    std::string vjp, jvp;  // or: the function to differentiate
    Sizes sizes;           // or: sizes to bind
  };
  std::vector<Step> steps;
};

bool substitute_all(ir::Function& function, const Sizes& sizes) {
  ir::substitute(function, sizes);
  return true;
}

void bind(ir::Module& module, const Sizes& sizes, passes::PassRunner& runner) {
  for (const auto& [symbol, size] : sizes) {
    const Dim wanted(symbol);
    bool found = false;
    for (const auto& function : module.functions) {
      for (const auto& param : function->body.params)
        found |= std::ranges::find(param->type.dims, wanted) != param->type.dims.end();
      for (const ir::DerivedSize& derived : function->derived)
        found |= derived.chosen && derived.name == symbol;
    }
    if (!found) throw Error("--bind: no parameter has the dim " + symbol);
  }
  const std::string option = "--bind=" + sizes_text(sizes);
  for (const auto& function : module.functions)
    runner.run("bind", option, *function, [&](ir::Function& each) { return substitute_all(each, sizes); });
}

// Adds @FUNC.vjp or @FUNC.jvp.
template <class Derivative>
void differentiate(ir::Module& module, const std::string& mode, const std::string& name,
                   Derivative&& derivative, passes::PassRunner& runner) {
  const ir::Function* function = module.find(name);
  if (function == nullptr) throw Error("--" + mode + ": there is no function @" + name);
  module.add(runner.make(mode, "--" + mode + "=" + name, *function, derivative));
}

// Passes that stand next to each other on the command line run function by function.
void run_steps(ir::Module& module, const std::vector<Request::Step>& steps, passes::PassRunner& runner) {
  for (auto step = steps.begin(); step != steps.end();) {
    std::vector<passes::Pass> pipeline;
    for (; step != steps.end() && step->pass != nullptr; ++step) pipeline.push_back(*step->pass);
    for (const auto& function : module.functions) runner.run(pipeline, *function);
    for (; step != steps.end() && step->pass == nullptr; ++step) {
      if (!step->vjp.empty())
        differentiate(module, "vjp", step->vjp, [](const ir::Function& f) { return passes::vjp(f); }, runner);
      else if (!step->jvp.empty())
        differentiate(module, "jvp", step->jvp, [](const ir::Function& f) { return passes::jvp(f); }, runner);
      else
        bind(module, step->sizes, runner);
    }
  }
}

int transform(const Request& request, const std::string& text) {
  ir::Module module = ir::parse(text, request.input == "-" ? "<stdin>" : request.input);
  ir::verify(module, "after parsing");
  passes::PassRunner runner(request.runner);
  run_steps(module, request.steps, runner);
  if (!request.steps.empty()) ir::verify(module, "after all passes");
  write_text(request.output, ir::print(module));
  return kDone;
}

// The steps to be bisected, and sizes that they bind.
std::vector<Step> steps_to_bisect(const Request& request, Sizes& sizes) {
  std::vector<Step> steps;
  const auto add = [&](const passes::Pass& pass) { steps.push_back({pass.name, pass.run, pass.bits}); };
  bool has_pass = false;
  for (const Request::Step& step : request.steps) {
    if (!step.vjp.empty() || !step.jvp.empty())
      throw Error("--bisect is for passes: write the derivative to a file first, and bisect that");
    has_pass = has_pass || step.pass != nullptr;
    if (step.pass != nullptr)
      add(*step.pass);
    else
      steps.push_back(
          {"bind", [sizes = step.sizes](ir::Function& each) { return substitute_all(each, sizes); }});
    sizes.insert(step.sizes.begin(), step.sizes.end());
  }
  if (has_pass) return steps;
  steps.clear();  // sizes alone do not ask for a function of fixed sizes
  for (const auto pipeline : {passes::traced_pipeline(), passes::optimisation_pipeline(),
                              passes::loops_pipeline(), passes::lowering_pipeline()})
    for (const passes::Pass& pass : pipeline) add(pass);
  return steps;
}

std::string text_of(const Culprit& culprit, const std::vector<Step>& steps) {
  std::string text = steps[culprit.step].name + ", step " + std::to_string(culprit.step + 1) + " of " +
                     std::to_string(steps.size());
  if (culprit.application > 0)
    text +=
        ", rewrite " + std::to_string(culprit.application) + " of " + std::to_string(culprit.applications);
  text += ": " + culprit.flaw + "\n\n// before it\n" + ir::print(*culprit.before);
  return text + (culprit.after != nullptr ? "\n// after it\n" + ir::print(*culprit.after) : "");
}

int bisect(const Request& request, const std::string& text) {
  const ir::Module module = ir::parse(text, request.input == "-" ? "<stdin>" : request.input);
  const ir::Function& function = find_entry(module, request.entry, request.input);
  ArgumentSource source = request.arguments;
  const std::vector<Step> steps = steps_to_bisect(request, source.sizes);
  const std::optional<Culprit> culprit =
      bisect(function, steps, source.arguments(backends::Signature(function)));
  write_text(request.output, culprit ? text_of(*culprit, steps)
                                     : "the bits of @" + function.name + " are the same after all " +
                                           std::to_string(steps.size()) + " steps\n");
  return culprit ? kInternalError : kDone;
}

std::string pass_list() {
  std::string text;
  const auto padded = [](std::string_view word, size_t width) {
    return std::string(word) + std::string(std::max<size_t>(1, width - word.size()), ' ');
  };
  for (const passes::Pass& pass : passes::all_passes())
    text += padded(pass.name, 20) + padded(passes::name(pass.bits), 9) + std::string(pass.summary) + "\n";
  return text;
}

/// The options, and what they stand for in the order of the command line.
class CommandLine {
 public:
  explicit CommandLine(Request& request);
  CLI::App& app() { return app_; }
  /// After parsing: what the options stand for.
  void collect_steps();

  bool passes_listed = false;
  std::string ops_listed;  // empty, text or markdown
  std::string op_explained;
  std::string reproducer;

 private:
  CLI::App app_{"Reads IR, runs passes on it in the order in which they are given, and prints it.",
                "rondo-opt"};
  Request& request_;
  std::map<const CLI::Option*, const passes::Pass*> passes_;
  CLI::Option *vjp_, *jvp_;
  CLI::Option* bind_;
};

CommandLine::CommandLine(Request& request) : request_(request) {
  app_.set_help_flag("-h,--help", "print this");
  app_.option_defaults()->disable_flag_override();  // --fuse=false would run fuse
  CLI::Option* input = app_.add_option("FILE", request.input, "the text to read; - for standard input");
  app_.add_option("-o", request.output, "where to write; standard output if not given")->type_name("OUT");
  app_.add_flag("--verify-each", request.runner.verify_each,
                "verify after every pass, and print, parse and compare");
  app_.add_flag("--print-changed", request.runner.print_changed,
                "print each function that a pass changed to stderr");
  app_.add_option("--stop-after", request.stop_after, "run nothing that comes after this pass")
      ->type_name("PASS")
      ->check([](const std::string& name) {
        return passes::find_pass(name) != nullptr ? "" : "there is no pass " + name;
      });
  app_.add_flag("--list-passes", passes_listed, "print what passes there are");
  app_.add_flag("--list-ops{text}", ops_listed, "print what ops there are; =markdown: as docs/ir.md has it")
      ->disable_flag_override(false)
      ->check(CLI::IsMember({"text", "markdown"}));
  app_.add_option("--run-reproducer", reproducer,
                  "read this file, run the passes that its first line names, and print what they make")
      ->type_name("FILE")
      ->excludes(input);
  app_.add_option("--explain-op", op_explained, "print all that is known of an op")->type_name("NAME");
  const char* bisect = "To find the pass that goes wrong";
  CLI::Option* bisects =
      app_.add_flag(
              "--bisect", request.bisect,
              "run the steps (none: those of every program) and the interpreter, and name the first pass "
              "and rewrite after which the bits differ or the function does not verify")
          ->group(bisect);
  app_.add_option("--entry", request.entry, "the function to bisect; not needed if there is just one")
      ->type_name("FUNC")
      ->needs(bisects)
      ->group(bisect);
  app_.add_option("--in", request.arguments.file, "its arguments: a safetensors file; else they are drawn")
      ->type_name("FILE")
      ->needs(bisects)
      ->group(bisect);
  app_.add_option("--seed", request.arguments.seed, "of the arguments that are drawn, of the sizes of --bind")
      ->check(whole_number())
      ->needs(bisects)
      ->capture_default_str()
      ->group(bisect);
  const char* steps = "Steps";
  vjp_ =
      app_.add_option("--vjp", "add @FUNC.vjp, which takes cotangents of the results back to the parameters")
          ->type_name("FUNC")
          ->expected(1)
          ->take_all()
          ->group(steps);
  jvp_ = app_.add_option("--jvp", "add @FUNC.jvp, which takes tangents of the parameters on to the results")
             ->type_name("FUNC")
             ->expected(1)
             ->take_all()
             ->group(steps);
  bind_ = app_.add_option("--bind", "give symbols values, in all functions")
              ->type_name("T=5,B=3")
              ->expected(1)
              ->take_all()
              ->group(steps);
  for (const passes::Pass& pass : passes::all_passes())
    passes_[app_.add_flag("--" + pass.name)->description(std::string(pass.summary))->group(steps)] = &pass;
}

void CommandLine::collect_steps() {
  std::map<const CLI::Option*, size_t> seen;  // how many values of an option stand before
  for (const CLI::Option* option : app_.parse_order()) {
    Request::Step step;
    const size_t before = seen[option]++;
    if (auto pass = passes_.find(option); pass != passes_.end())
      step.pass = pass->second;
    else if (option == vjp_)
      step.vjp = option->results().at(before);
    else if (option == jvp_)
      step.jvp = option->results().at(before);
    else if (option == bind_)
      step.sizes = parse_sizes(option->results().at(before));
    else
      continue;
    const bool last = step.pass != nullptr && step.pass->name == request_.stop_after;
    request_.steps.push_back(std::move(step));
    if (last) break;
  }
}

// Repeats what a reproducer's first line asks for; the other options are those of the command line.
int run_reproducer(const std::string& file, const Request& request) {
  constexpr std::string_view kHead = passes::Reproducer::kHead;
  const std::string text = read_text(file);
  const std::string line = text.substr(0, text.find('\n'));
  if (!line.starts_with(kHead))
    throw Error(file + ":1: a reproducer's first line begins with '" + std::string(kHead) + "', found '" +
                ir::excerpt(line) + "'");
  Request repeated = request;
  CommandLine command(repeated);
  try {
    command.app().parse(line.substr(kHead.size()));
    command.collect_steps();
  } catch (const CLI::ParseError& error) {
    throw Error(file + ":1: " + error.what());
  }
  repeated.input = file;
  repeated.runner.reproducers = false;
  return transform(repeated, text);
}

int run(int argc, char** argv) {
  Request request;
  CommandLine command(request);
  try {
    command.app().parse(argc, argv);
    const bool no_file = command.passes_listed || !command.ops_listed.empty() ||
                         !command.op_explained.empty() || !command.reproducer.empty();
    if (request.input.empty() && !no_file) throw CLI::RequiredError("FILE");
    command.collect_steps();
  } catch (const CLI::ParseError& error) {
    const int code = command.app().exit(error);
    return code == 0 ? kDone : kUsageError;
  }
  if (command.passes_listed) write_text("-", pass_list());
  if (!command.ops_listed.empty())
    write_text("-", command.ops_listed == "markdown" ? ir::op_manual() : ir::op_list());
  if (!command.op_explained.empty()) write_text("-", ir::explain_op(command.op_explained));
  if (!command.reproducer.empty()) return run_reproducer(command.reproducer, request);
  if (request.input.empty()) return kDone;
  const std::string text = read_text(request.input);
  return request.bisect ? bisect(request, text) : transform(request, text);
}

}  // namespace

int main(int argc, char** argv) {
  passes::catch_crashes("rondo-opt", kInternalError);
  return run_tool("rondo-opt", [&] { return run(argc, argv); });
}
