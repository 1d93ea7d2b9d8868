// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// rondo-bench: what recurrent models take on this machine, and what each pass is worth.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "passes/pipeline.h"
#include "runtime/workers.h"
#include "tools/bench/measure.h"
#include "tools/command_line.h"
#include "tools/number_option.h"

namespace {

using namespace rondo;
using bench::Measured;
using bench::Mode;

struct Arguments {
  std::vector<std::string> cells = {"lstm"};
  std::vector<std::string> shapes = {"50,32,128,128"};
  std::string mode = "train", dtype = "f32", precision = "f32", dots = "llvm";
  std::vector<int> threads = {1};
  std::vector<double> memory = {1};
  int64_t layers = 1, rounds = 9;
  bool json = false, ablate = false, list = false;
};

const std::vector<std::pair<std::string, Mode>> kModes = {
    {"train", Mode::train}, {"infer", Mode::infer}, {"compile", Mode::compile}};

bench::Shape parse_shape(const std::string& text, const Arguments& arguments) {
  std::vector<int64_t> numbers;
  for (const std::string& part : CLI::detail::split(text, ',')) {
    int64_t number = 0;
    if (!CLI::detail::lexical_cast(part, number) || number < 1)
      throw Error("--shape: expected T,B,I,H, four numbers from 1, found '" + text + "'");
    numbers.push_back(number);
  }
  if (numbers.size() != 4)
    throw Error("--shape: expected T,B,I,H, four numbers from 1, found '" + text + "'");
  return {numbers[0], numbers[1],       numbers[2],
          numbers[3], arguments.layers, arguments.dtype == "f64" ? f64 : f32};
}

int64_t dots_in_loops(const Counters& counters) {
  int64_t dots = 0;
  for (const auto& loop : counters.loops) dots += loop.dots;
  return dots;
}

nlohmann::ordered_json json_of(const bench::Request& request, const Arguments& arguments, const Measured& m) {
  const bench::Shape& shape = request.shape;
  nlohmann::ordered_json object = {{"cell", request.cell->name},
                                   {"T", shape.steps},
                                   {"B", shape.rows},
                                   {"I", shape.inputs},
                                   {"H", shape.hidden},
                                   {"layers", shape.layers},
                                   {"threads", request.options.threads},
                                   {"precision", arguments.precision},
                                   {"dtype", arguments.dtype},
                                   {"mode", arguments.mode},
                                   {"ms", m.ms},
                                   {"ms_min", m.ms_min},
                                   {"ms_max", m.ms_max},
                                   {"gflops", m.gflops},
                                   {"peak_gflops", m.peak_gflops},
                                   {"share", m.gflops / m.peak_gflops},
                                   {"joins", m.counters.joins},
                                   {"dots_in_loops", dots_in_loops(m.counters)},
                                   {"memory", request.memory},
                                   {"bytes_taken", m.counters.run_bytes},
                                   {"bytes_planned", m.counters.arena_bytes},
                                   {"bytes_live", m.counters.live_bytes},
                                   {"bytes_moved", m.counters.copied_bytes},
                                   {"bytes_peak", m.peak_bytes},
                                   {"compile_ms", m.counters.compile_ms}};
  if (!request.options.without.empty()) object["without"] = request.options.without;
  return object;
}

void print_line(const bench::Request& request, const Measured& m, double all_ms) {
  const bench::Shape& s = request.shape;
  const std::string shape = std::to_string(s.steps) + "," + std::to_string(s.rows) + "," +
                            std::to_string(s.inputs) + "," + std::to_string(s.hidden);
  std::printf(
      "%-15s %-16s %d threads %9.3f ms (%.3f to %.3f)  %6.1f GFLOP/s  %4.0f %% of %.0f  %lld dots in loops, "
      "%lld joins",
      request.cell->name.c_str(), shape.c_str(), request.options.threads, m.ms, m.ms_min, m.ms_max, m.gflops,
      100 * m.gflops / m.peak_gflops, m.peak_gflops, static_cast<long long>(dots_in_loops(m.counters)),
      static_cast<long long>(m.counters.joins));
  if (!request.options.without.empty())
    std::printf("  without %s: x %.2f", request.options.without[0].c_str(), m.ms / all_ms);
  if (request.memory < 1)
    std::printf("  in %.2f of the memory, %lld bytes: x %.2f", request.memory,
                static_cast<long long>(m.counters.run_bytes), m.ms / all_ms);
  std::printf("\n");
  std::fflush(stdout);
}

// The names of passes that may be left out, each once.
std::vector<std::string> passes_to_ablate(const std::string& precision) {
  std::vector<std::span<const passes::Pass>> pipelines = {
      passes::traced_pipeline(), passes::optimisation_pipeline(), passes::loops_pipeline(),
      passes::lowering_pipeline()};
  if (precision == "bf16") pipelines.push_back(passes::bf16_pipeline());
  std::vector<std::string> names;
  for (const auto pipeline : pipelines)
    for (const passes::Pass& pass : pipeline)
      if (pass.name != "plan-memory" && pass.name != "drop-identities" &&
          std::ranges::find(names, pass.name) == names.end())
        names.push_back(pass.name);
  return names;
}

int run(const Arguments& arguments) {
  if (arguments.list) {
    for (const bench::Cell& cell : bench::all_cells())
      std::printf("%-15s %s\n", cell.name.c_str(), cell.about.c_str());
    tools::finish_output();
    return tools::kDone;
  }
  if (arguments.precision != "f32" && (arguments.dtype != "f32" || arguments.dots != "llvm"))
    throw Error("--precision bf16 is for --dtype f32 and --dots llvm");
  auto all = nlohmann::ordered_json::array();
  for (const std::string& name : arguments.cells)
    for (const std::string& shape : arguments.shapes) {
      bench::Request request{bench::find_cell(name), parse_shape(shape, arguments)};
      for (const auto& [mode_name, mode] : kModes)
        if (mode_name == arguments.mode) request.mode = mode;
      request.rounds = static_cast<int>(arguments.rounds);
      request.options.precision = arguments.precision;
      request.options.dots = arguments.dots;
      std::vector<std::vector<std::string>> without = {{}};
      if (arguments.ablate)
        for (const std::string& pass : passes_to_ablate(arguments.precision)) without.push_back({pass});
      std::vector<bench::Request> requests;
      for (const int threads : arguments.threads)
        for (const double memory : arguments.memory)
          for (const auto& passes : without) {
            requests.push_back(request);
            requests.back().options.threads = threads;
            requests.back().options.without = passes;
            requests.back().memory = memory;
          }
      const size_t of_one = without.size() * arguments.memory.size();  // number of threads
      const std::vector<Measured> measured = bench::measure(requests);
      for (size_t i = 0; i < requests.size(); ++i)
        if (arguments.json)
          all.push_back(json_of(requests[i], arguments, measured[i]));
        else
          print_line(requests[i], measured[i], measured[i - i % of_one].ms);
    }
  if (arguments.json) std::printf("%s\n", all.dump(2).c_str());
  tools::finish_output();
  return tools::kDone;
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  std::vector<std::string> cells, modes;
  for (const bench::Cell& cell : bench::all_cells()) cells.push_back(cell.name);
  for (const auto& [name, mode] : kModes) modes.push_back(name);
  CLI::App app{"Times recurrent models: a training step, inference, or compiling."};
  app.option_defaults()->disable_flag_override();
  app.add_option("--cell", arguments.cells, "Which models; --list-cells says what there is")
      ->check(CLI::IsMember(cells))
      ->delimiter(',');
  app.add_option("--shape", arguments.shapes,
                 "T,B,I,H: time steps, rows, inputs, hidden size; may be given again")
      ->type_name("T,B,I,H")
      ->expected(1)
      ->take_all();
  app.add_option("--threads", arguments.threads,
                 "How many may work at once; several numbers are measured side by side")
      ->check(CLI::Range(1, runtime::Workers::kMost))
      ->delimiter(',');
  app.add_option(
         "--memory", arguments.memory,
         "Shares of what a call takes without a limit, to which it is limited; 1 for no limit. Several are "
         "measured side by side")
      ->check(CLI::Range(1e-6, 1.0))
      ->delimiter(',');
  app.add_option("--layers", arguments.layers, "Layers, one over the other")->check(CLI::Range(1, 64));
  app.add_option("--mode", arguments.mode, "What to time")->check(CLI::IsMember(modes));
  app.add_option("--dtype", arguments.dtype, "Of all floats")->check(CLI::IsMember({"f32", "f64"}));
  app.add_option("--precision", arguments.precision, "What dots of f32 round their operands to")
      ->check(CLI::IsMember({"f32", "bf16"}));
  app.add_option("--dots", arguments.dots, "What computes dots: llvm or onednn");
  app.add_option("--rounds", arguments.rounds, "How many rounds the median is of")
      ->check(CLI::Range(1, 1000));
  app.add_flag("--ablate", arguments.ablate, "Again without each pass in turn, side by side");
  app.add_flag("--json", arguments.json, "An array of objects instead of lines");
  app.add_flag("--list-cells", arguments.list, "Print the models and exit");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? tools::kDone : tools::kUsageError;
  }
  return tools::run_tool("rondo-bench", [&] { return run(arguments); });
}
