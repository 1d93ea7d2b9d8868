// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs a function on arrays, compares backends, takes times.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <vector>

#include "backends/reference/interpreter.h"
#include "backends/registry/backend.h"
#include "ir/parse.h"
#include "passes/reproducer.h"
#include "runtime/safetensors.h"
#include "tools/command_line.h"
#include "tools/debug/arguments.h"
#include "tools/debug/difference.h"
#include "tools/number_option.h"
#include "tools/sizes_option.h"

using namespace rondo;
using namespace rondo::tools;
using backends::Backend;
using backends::Executable;
using runtime::Array;

namespace {

struct Request {
  std::string file, entry, backend = "llvm";
  ArgumentSource arguments;
  std::string out;  // a safetensors file
  bool f64 = false;
  bool compare = false;
  int time = 0;
};

std::unique_ptr<Executable> make(const Request& request, const ir::Function& function) {
  if (request.backend == "reference" && request.f64)
    return reference::interpret(function, reference::Precision::kDouble);
  return backends::find_backend(request.backend)->make(function, {});
}

// Results.

std::string text(const Arrays& results) {
  constexpr int64_t kShown = 8;
  std::string text;
  for (size_t r = 0; r < results.size(); ++r) {
    text += std::to_string(r) + ": " + runtime::type_text(results[r]) + " [";
    for (int64_t i = 0; i < std::min(results[r].size(), kShown); ++i)
      text += (i > 0 ? ", " : "") + element_text(results[r], i);
    text += results[r].size() > kShown ? ", ...]\n" : "]\n";
  }
  return text;
}

void write_results(const std::string& path, Arrays results) {
  runtime::TensorFile file;
  for (size_t i = 0; i < results.size(); ++i) file.tensors.emplace(std::to_string(i), std::move(results[i]));
  runtime::write_safetensors(path, file);
}

std::string comparison(const Arrays& results, const Arrays& expected) {
  std::string text;
  for (size_t r = 0; r < results.size(); ++r)
    text += std::to_string(r) + ": " + runtime::type_text(results[r]) + " " +
            largest_difference(results[r], expected[r]).text() + "\n";
  return text;
}

// Times.

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

std::string times(const Request& request, const ir::Function& function, const Arrays& arguments) {
  std::vector<double> compile, bind, runs;
  std::unique_ptr<Executable> executable;
  const auto now = [] { return std::chrono::steady_clock::now(); };
  const auto ms_since = [&](auto start) {
    return std::chrono::duration<double, std::milli>(now() - start).count();
  };
  for (int i = 0; i < request.time; ++i) {
    const auto start = now();
    executable = make(request, function);
    compile.push_back(ms_since(start));
    run(*executable, arguments);
    bind.push_back(executable->counters().bind_ms);
  }
  for (int i = 0; i < request.time; ++i) {
    Arrays copy = arguments;
    std::vector<Array*> pointers;
    for (Array& array : copy) pointers.push_back(&array);
    const auto start = now();
    executable->run(pointers);
    runs.push_back(ms_since(start));
  }
  char text[128];
  std::snprintf(text, sizeof text, "compile %.3f ms, bind %.4f ms, run %.4f ms (medians of %d)\n",
                median(compile), median(bind), median(runs), request.time);
  return text;
}

int execute(const Request& request) {
  const ir::Module module =
      ir::parse(read_text(request.file), request.file == "-" ? "<stdin>" : request.file);
  const ir::Function& function = find_entry(module, request.entry, request.file);
  const Arrays arguments = request.arguments.arguments(backends::Signature(function));
  Arrays results = run(*make(request, function), arguments);
  std::string report;
  if (request.compare) {
    const auto precision = request.f64 ? reference::Precision::kDouble : reference::Precision::kAsTyped;
    report += comparison(results, run(*reference::interpret(function, precision), arguments));
  }
  if (request.time > 0) report += times(request, function, arguments);
  if (request.out.empty() && report.empty()) report = text(results);
  if (!request.out.empty()) write_results(request.out, std::move(results));
  write_text("-", report);
  return kDone;
}

int run(int argc, char** argv) {
  Request request;
  std::string sizes, compare, kind;
  CLI::App app{"Runs a function on arrays. Without --out, --compare and --time it prints the results.",
               "rondo-run"};
  app.set_help_flag("-h,--help", "print this");
  app.option_defaults()->disable_flag_override();
  app.add_option("FILE", request.file, "the text to read; - for standard input")->required();
  app.add_option("--entry", request.entry, "the function to run; not needed if there is just one")
      ->type_name("FUNC");
  std::vector<std::string> names;
  for (const Backend& backend : backends::all_backends()) names.emplace_back(backend.name);
  app.add_option("--backend", request.backend, "what runs it")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  CLI::Option* in = app.add_option("--in", request.arguments.file,
                                   "a safetensors file with a tensor for each parameter, by name")
                        ->type_name("FILE");
  app.add_option("--out", request.out, "write the results there, as tensors 0, 1, ..")->type_name("FILE");
  CLI::Option* fill = app.add_option("--fill", kind, "make arguments: floats from N(0,1), integers 0 or 1")
                          ->check(CLI::IsMember({"normal"}))
                          ->excludes(in);
  app.add_option("--seed", request.arguments.seed, "of what --fill makes")
      ->check(whole_number())
      ->needs(fill)
      ->capture_default_str();
  app.add_option("--bind", sizes, "sizes of what --fill makes")->type_name("T=5,B=3")->needs(fill);
  CLI::Option* other =
      app.add_option("--compare", compare,
                     "print the largest difference of each result, in units of the last place")
          ->check(CLI::IsMember({"reference"}));
  app.add_flag("--f64", request.f64, "the reference evaluates all float types in double");
  app.add_option("--time", request.time, "print medians of so many times of compile, bind and run")
      ->type_name("N")
      ->check(CLI::Range(1, 1000000));
  try {
    app.parse(argc, argv);
    if (in->count() + fill->count() == 0) throw CLI::RequiredError("--in or --fill");
    if (!sizes.empty()) request.arguments.sizes = parse_sizes(sizes);
    request.compare = other->count() > 0;
    if (request.f64 && request.backend != "reference" && !request.compare)
      throw CLI::ValidationError(
          "--f64", "only the reference evaluates in double: add --compare=reference or --backend=reference");
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsageError;
  }
  return execute(request);
}

}  // namespace

int main(int argc, char** argv) {
  passes::catch_crashes("rondo-run", kInternalError);
  return run_tool("rondo-run", [&] { return run(argc, argv); });
}
