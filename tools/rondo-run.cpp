// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Runs a function on arrays, compares backends, takes times.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <optional>
#include <set>
#include <vector>

#include "backends/reference/interpreter.h"
#include "backends/registry/backend.h"
#include "ir/parse.h"
#include "passes/reproducer.h"
#include "runtime/safetensors.h"
#include "tools/command_line.h"
#include "tools/fuzz/random.h"
#include "tools/number_option.h"
#include "tools/sizes_option.h"

using namespace rondo;
using namespace rondo::tools;
using backends::Backend;
using backends::Executable;
using runtime::Array;
using runtime::ElementType;
using Arrays = std::vector<Array>;

namespace {

struct Request {
  std::string file, entry, backend = "llvm";
  std::string in, out;  // safetensors files
  std::string fill;
  uint64_t seed = 1;
  Sizes sizes;
  bool f64 = false;
  bool compare = false;
  int time = 0;
};

const ir::Function& find_entry(const ir::Module& module, const Request& request) {
  if (request.entry.empty() && module.functions.size() == 1) return *module.functions[0];
  if (const ir::Function* function = module.find(request.entry)) return *function;
  std::string names;
  for (const auto& function : module.functions) names += " @" + function->name;
  throw Error(
      request.file + ": " +
      (request.entry.empty() ? "--entry must say which function to run" : "there is no @" + request.entry) +
      "; there are:" + names);
}

std::unique_ptr<Executable> make(const Request& request, const ir::Function& function) {
  if (request.backend == "reference" && request.f64)
    return reference::interpret(function, reference::Precision::kDouble);
  return backends::find_backend(request.backend)->make(function, {});
}

// Arguments.

Arrays read_arguments(const std::string& path, const backends::Signature& signature) {
  runtime::TensorFile file = runtime::read_safetensors(path);
  Arrays arrays;
  for (const auto& param : signature.params) {
    const auto found = file.tensors.find(param.name);
    if (found == file.tensors.end())
      throw Error(path + ": there is no tensor '" + param.name + "', which @" + signature.function +
                  " takes as " + param.type.text());
    arrays.push_back(std::move(found->second));
    file.tensors.erase(found);
  }
  if (!file.tensors.empty())
    throw Error(path + ": @" + signature.function + " has no parameter '" + file.tensors.begin()->first +
                "'");
  return arrays;
}

void check_sizes(const Sizes& sizes, const backends::Signature& signature) {
  std::set<std::string> symbols;
  for (const auto& param : signature.params)
    for (Dim dim : param.type.dims)
      for (const std::string& symbol : dim.symbols()) symbols.insert(symbol);
  for (const std::string& symbol : symbols)
    if (sizes.count(symbol) == 0) throw Error("--bind must give " + symbol + " a size");
  for (const auto& [symbol, size] : sizes)
    if (symbols.count(symbol) == 0)
      throw Error("--bind: no parameter of @" + signature.function + " has the dim " + symbol);
}

// Floats from N(0,1); integers 0 or 1, so that they can index; truth by a coin.
Arrays draw_arguments(const backends::Signature& signature, const Sizes& sizes, uint64_t seed) {
  check_sizes(sizes, signature);
  fuzz::Random random(seed);
  Arrays arrays;
  for (const auto& param : signature.params) {
    Array array =
        Array::uninitialised(backends::element_type(param.type.dtype), backends::shape_of(param.type, sizes));
    for (int64_t i = 0; i < array.size(); ++i) switch (param.type.dtype.id()) {
        case DType::kF32:
          array.data<float>()[i] = static_cast<float>(random.normal());
          break;
        case DType::kF64:
          array.data<double>()[i] = random.normal();
          break;
        case DType::kI32:
          array.data<int32_t>()[i] = static_cast<int32_t>(random.below(2));
          break;
        case DType::kI64:
          array.data<int64_t>()[i] = random.below(2);
          break;
        case DType::kI1:
          array.data<bool>()[i] = random.below(2) == 1;
          break;
      }
    arrays.push_back(std::move(array));
  }
  return arrays;
}

// A run may take donated arguments away: it gets copies.
Arrays run(const Executable& executable, Arrays arguments) {
  std::vector<Array*> pointers;
  for (Array& array : arguments) pointers.push_back(&array);
  return executable.run(pointers);
}

// Results.

std::string element_text(const Array& array, int64_t i) {
  char text[32];
  switch (array.type()) {
    case ElementType::f32:
      std::snprintf(text, sizeof text, "%.9g", static_cast<double>(array.data<float>()[i]));
      return text;
    case ElementType::f64:
      std::snprintf(text, sizeof text, "%.17g", array.data<double>()[i]);
      return text;
    case ElementType::i32:
      return std::to_string(array.data<int32_t>()[i]);
    case ElementType::i64:
      return std::to_string(array.data<int64_t>()[i]);
    default:
      return array.data<bool>()[i] ? "true" : "false";
  }
}

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

// How many representable numbers lie between two floats; the same for both zeros, and for any two NaN.
template <class T, class Int>
double ulps_between(T x, T y) {
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y) ? 0 : INFINITY;
  const auto position = [](T value) {
    Int bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits < 0 ? -static_cast<long double>(bits & std::numeric_limits<Int>::max())
                    : static_cast<long double>(bits);
  };
  return static_cast<double>(std::abs(position(x) - position(y)));
}

// The error of x in units of the last place that the exact value has as an f32.
double ulps_from(float x, double exact) {
  if (std::isnan(x) || std::isnan(exact)) return std::isnan(x) && std::isnan(exact) ? 0 : INFINITY;
  const float rounded = static_cast<float>(exact);
  if (std::isinf(x) || std::isinf(rounded)) return x == rounded ? 0 : INFINITY;
  const float above = std::nextafter(std::abs(rounded), INFINITY);
  return std::abs(x - exact) / (static_cast<double>(above) - std::abs(rounded));
}

double difference(const Array& x, const Array& expected, int64_t i) {
  if (x.type() == ElementType::f32 && expected.type() == ElementType::f64)
    return ulps_from(x.data<float>()[i], expected.data<double>()[i]);
  if (x.type() == ElementType::f32)
    return ulps_between<float, int32_t>(x.data<float>()[i], expected.data<float>()[i]);
  if (x.type() == ElementType::f64)
    return ulps_between<double, int64_t>(x.data<double>()[i], expected.data<double>()[i]);
  return element_text(x, i) == element_text(expected, i) ? 0 : INFINITY;
}

std::string comparison(const Arrays& results, const Arrays& expected) {
  std::string text;
  for (size_t r = 0; r < results.size(); ++r) {
    double largest = 0;
    int64_t where = 0;
    for (int64_t i = 0; i < results[r].size(); ++i) {
      const double ulps = difference(results[r], expected[r], i);
      if (ulps <= largest) continue;
      largest = ulps;
      where = i;
    }
    char ulps[32];
    std::snprintf(ulps, sizeof ulps, "%.3g", largest);
    text += std::to_string(r) + ": " + runtime::type_text(results[r]) + " " + ulps + " ulp";
    if (largest > 0)
      text += " at position " + std::to_string(where) + ": " + element_text(results[r], where) +
              ", expected " + element_text(expected[r], where);
    text += "\n";
  }
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
  const ir::Function& function = find_entry(module, request);
  const backends::Signature signature(function);
  const Arrays arguments = request.in.empty() ? draw_arguments(signature, request.sizes, request.seed)
                                              : read_arguments(request.in, signature);
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
  std::string sizes, compare;
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
  CLI::Option* in =
      app.add_option("--in", request.in, "a safetensors file with a tensor for each parameter, by name")
          ->type_name("FILE");
  app.add_option("--out", request.out, "write the results there, as tensors 0, 1, ..")->type_name("FILE");
  CLI::Option* fill =
      app.add_option("--fill", request.fill, "make arguments: floats from N(0,1), integers 0 or 1")
          ->check(CLI::IsMember({"normal"}))
          ->excludes(in);
  app.add_option("--seed", request.seed, "of what --fill makes")
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
    if (!sizes.empty()) request.sizes = parse_sizes(sizes);
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
