// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs a function on arrays, compares backends, takes times.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "backends/llvm/executable.h"
#include "backends/reference/interpreter.h"
#include "backends/registry/backend.h"
#include "ir/parse.h"
#include "ir/text.h"
#include "passes/reproducer.h"
#include "runtime/safetensors.h"
#include "runtime/workers.h"
#include "tools/command_line.h"
#include "tools/debug/arguments.h"
#include "tools/debug/boundaries.h"
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
  std::string file, entry, backend = "llvm", dots = "llvm";
  ArgumentSource arguments;
  std::string out;  // a safetensors file
  bool f64 = false;
  bool compare = false;
  int threads = 0, time = 0;
  bool counters = false, json = false;
};

std::unique_ptr<Executable> make(const Request& request, const ir::Function& function) {
  if (request.backend == "reference" && request.f64)
    return reference::interpret(function, reference::Precision::kDouble);
  return backends::find_backend(request.backend)
      ->make(function, *backends::find_dots(request.dots), request.threads, 0, {});
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

// Figures.

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// Medians, in milliseconds.
struct Times {
  int runs;
  double compile, bind, run;
};

/// All that was asked for besides the results.
struct Figures {
  std::vector<std::string> types;       // of the results
  std::vector<Difference> differences;  // of them; empty if they were not compared
  std::optional<Inside> inside;
  std::optional<Times> times;
  std::optional<backends::Counters> counters;
};

Times times(const Request& request, const ir::Function& function, const Arrays& arguments) {
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
  return {request.time, median(compile), median(bind), median(runs)};
}

void compare(const Request& request, const ir::Function& function, const Arrays& arguments,
             const Arrays& results, Figures& figures) {
  const auto precision = request.f64 ? reference::Precision::kDouble : reference::Precision::kAsTyped;
  const Arrays expected = run(*reference::interpret(function, precision), arguments);
  for (size_t i = 0; i < results.size(); ++i)
    figures.differences.push_back(largest_difference(results[i], expected[i]));
  if (request.backend == "reference" || request.f64 || backends::find_dots(request.dots)->library != nullptr)
    return;  // nothing is compiled, or other numbers are right
  figures.inside = compare_inside(function, arguments, [](const ir::Function& probed) {
    return codegen::compile(probed, {.pipeline = std::span(passes::find_pass("plan-memory"), 1)});
  });
}

std::string name_of(const Boundary& boundary) {
  std::string text = "%" + boundary.value + " = " + boundary.op + " : " + boundary.type.text();
  for (size_t i = boundary.loops.size(); i-- > 0;)
    text += ", in a loop of " + boundary.loops[i].length.text();
  return text + (boundary.place.empty() ? "" : ", " + boundary.place);
}

std::string text_of(const Inside& inside, bool results_differ) {
  const std::string count = ir::counted(inside.boundaries.size(), "value") + " between ops";
  if (!inside.first)
    return count + ": the same bits" +
           (results_differ
                ? "; but a result differs: keeping all values hides it, so look at the memory plan\n"
                : "\n");
  std::string text = count + ":\n";
  for (size_t i = 0; i < inside.boundaries.size(); ++i)
    text += "  " + name_of(inside.boundaries[i]) + ": " + inside.differences[i].text() + "\n";
  const Boundary& first = inside.boundaries[inside.first->boundary];
  text += "the first to differ is %" + first.value;
  for (const int64_t step : inside.first->steps) text += ", in time step " + std::to_string(step);
  return text + ":\n" + first.text + "\n";
}

std::string text_of(const Figures& figures) {
  std::string text;
  bool differ = false;
  for (size_t i = 0; i < figures.differences.size(); ++i) {
    text += std::to_string(i) + ": " + figures.types[i] + " " + figures.differences[i].text() + "\n";
    differ = differ || figures.differences[i].any;
  }
  if (figures.inside) text += text_of(*figures.inside, differ);
  if (figures.times) {
    char line[128];
    std::snprintf(line, sizeof line, "compile %.3f ms, bind %.4f ms, run %.4f ms (medians of %d)\n",
                  figures.times->compile, figures.times->bind, figures.times->run, figures.times->runs);
    text += line;
  }
  return text + (figures.counters ? figures.counters->text() : "");
}

using Json = nlohmann::ordered_json;

void add(Json& entry, const Difference& difference) {
  entry["same_bits"] = !difference.any;
  if (std::isinf(difference.ulps))  // JSON has no such number
    entry["ulps"] = "inf";
  else
    entry["ulps"] = difference.ulps;
  if (!difference.any) return;
  entry["position"] = difference.position;
  entry["found"] = difference.found;
  entry["expected"] = difference.expected;
}

Json json_of(const Inside& inside) {
  Json ops = Json::array();
  for (size_t i = 0; i < inside.boundaries.size(); ++i) {
    const Boundary& boundary = inside.boundaries[i];
    Json entry = {{"value", boundary.value}, {"op", boundary.op}, {"type", boundary.type.text()}};
    if (!boundary.place.empty()) entry["place"] = boundary.place;
    entry["loops"] = Json::array();
    for (const Boundary::Loop& loop : boundary.loops) entry["loops"].push_back(loop.length.text());
    add(entry, inside.differences[i]);
    if (inside.first && inside.first->boundary == i) entry["first_in_steps"] = inside.first->steps;
    ops.push_back(std::move(entry));
  }
  return ops;
}

std::string json_of(const Figures& figures) {
  Json all;
  all["results"] = Json::array();
  for (size_t i = 0; i < figures.types.size(); ++i) {
    Json entry = {{"type", figures.types[i]}};
    if (!figures.differences.empty()) add(entry, figures.differences[i]);
    all["results"].push_back(std::move(entry));
  }
  if (figures.inside) all["ops"] = json_of(*figures.inside);
  if (const auto& times = figures.times)
    all["times"] = {{"runs", times->runs},
                    {"compile_ms", times->compile},
                    {"bind_ms", times->bind},
                    {"run_ms", times->run}};
  if (figures.counters) all["counters"] = Json::parse(figures.counters->json());
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

int execute(const Request& request) {
  const ir::Module module =
      ir::parse(read_text(request.file), request.file == "-" ? "<stdin>" : request.file);
  ArgumentSource source = request.arguments;
  const auto chosen = source.choose(find_entry(module, request.entry, request.file));
  const ir::Function& function = *chosen;
  const Arrays arguments = source.arguments(backends::Signature(function));
  const std::unique_ptr<Executable> executable = make(request, function);
  Arrays results = run(*executable, arguments);
  Figures figures;
  for (const Array& result : results) figures.types.push_back(runtime::type_text(result));
  if (request.compare) compare(request, function, arguments, results, figures);
  if (request.time > 0) figures.times = times(request, function, arguments);
  if (request.counters) figures.counters = executable->counters();
  std::string report = request.json ? json_of(figures) : text_of(figures);
  if (request.out.empty() && report.empty()) report = text(results);
  if (!request.out.empty()) write_results(request.out, std::move(results));
  write_text("-", report);
  return kDone;
}

template <class T>
std::vector<std::string> names_of(std::span<const T> list) {
  std::vector<std::string> names;
  for (const T& entry : list) names.emplace_back(entry.name);
  return names;
}

int run(int argc, char** argv) {
  Request request;
  std::string sizes, compare, kind;
  CLI::App app{
      "Runs a function on arrays. Without --out, and figures that are asked for, it prints the results.",
      "rondo-run"};
  app.set_help_flag("-h,--help", "print this");
  app.option_defaults()->disable_flag_override();
  app.add_option("FILE", request.file, "the text to read; - for standard input")->required();
  app.add_option("--entry", request.entry, "the function to run; not needed if there is just one")
      ->type_name("FUNC");
  app.add_option("--backend", request.backend, "what runs it")
      ->check(CLI::IsMember(names_of(backends::all_backends())))
      ->capture_default_str();
  app.add_option("--dots", request.dots, "what computes dots")
      ->check(CLI::IsMember(names_of(backends::all_dots())))
      ->capture_default_str();
  app.add_option("--threads", request.threads,
                 "how many may work at once; else RONDO_THREADS, or one on each CPU")
      ->type_name("N")
      ->check(CLI::Range(1, runtime::Workers::kMost));
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
      app.add_option(
             "--compare", compare,
             "print the largest difference of each result, in units of the last place, and of every value "
             "between ops, and name the first op that goes wrong")
          ->check(CLI::IsMember({"reference"}));
  app.add_flag("--f64", request.f64, "the reference evaluates all float types in double");
  app.add_option("--time", request.time, "print medians of so many times of compile, bind and run")
      ->type_name("N")
      ->check(CLI::Range(1, 1000000));
  app.add_flag("--counters", request.counters, "print what the executable counts: times, dots, bytes");
  app.add_flag("--json", request.json, "print --compare, --time and --counters as one JSON object");
  try {
    app.parse(argc, argv);
    if (in->count() + fill->count() == 0) throw CLI::RequiredError("--in or --fill");
    if (!sizes.empty()) request.arguments.sizes = parse_sizes(sizes);
    request.compare = other->count() > 0;
    if (request.json && !request.compare && request.time == 0 && !request.counters)
      throw CLI::ValidationError("--json",
                                 "there are no figures to print: add --compare, --time or --counters");
    if (request.f64 && request.backend != "reference" && !request.compare)
      throw CLI::ValidationError(
          "--f64", "only the reference evaluates in double: add --compare=reference or --backend=reference");
    if (backends::find_dots(request.dots)->library != nullptr &&
        !backends::find_backend(request.backend)->takes_library)
      throw CLI::ValidationError("--dots", "the backend '" + request.backend + "' computes dots itself");
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
