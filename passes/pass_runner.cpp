// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/pass_runner.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"

namespace rondo::passes {

namespace {

// Dumps are numbered through the process, so that those of several functions stand in the order of the work.
void dump(const std::string& folder, std::string_view name, const std::string& text) {
  static std::atomic<int> next = 0;
  char number[16];
  std::snprintf(number, sizeof number, "%03d-", next++);
  const std::filesystem::path path = std::filesystem::path(folder) / (number + std::string(name) + ".rondo");
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  std::ofstream file(path);
  file << "rondo 0.1\n\n" << text << std::flush;
  if (!file) throw Error("RONDO_DUMP: cannot write " + path.string());
}

// The function keeps the language's rules, and its text says all of it.
void check(const ir::Function& function) {
  ir::verify(function, "after it");
  const std::string text = ir::print(function);
  std::string again;
  try {
    again = ir::print(*ir::parse(text, "print").functions.at(0));
  } catch (const Error& error) {
    throw InternalError(std::string("what it made can't be read back: ") + error.what());
  }
  if (again != text) throw InternalError("what it made prints otherwise once read back:\n" + text + again);
}

void check_named(std::string_view name, const ir::Function& function) {
  try {
    check(function);
  } catch (const InternalError& error) {
    throw InternalError(std::string(name) + ": " + error.what());
  }
}

}  // namespace

bool PassRunner::verifies_by_default() { return RONDO_VERIFY_EACH || Debug::get().verify; }

bool PassRunner::run(std::string_view name, ir::Function& function,
                     const std::function<bool(ir::Function&)>& pass) {
  const auto before = ir::clone_function(function, function.name);  // cheaper than its text
  const auto start = std::chrono::steady_clock::now();
  bool changed;
  try {
    changed = pass(function);
    const auto time = std::chrono::steady_clock::now() - start;
    if (options_.verify_each) check(function);
    report(name, function, changed, std::chrono::duration<double, std::milli>(time).count());
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw InternalError("pass " + std::string(name) + ": " + error.what() +
                        "\nbefore the pass the function was:\n" + ir::print(*before));
  }
  return changed;
}

void PassRunner::observe(std::string_view name, const ir::Function& function) const {
  if (options_.verify_each) check_named(name, function);
  show(name, function);
}

void PassRunner::verify_given(std::string_view receiver, const ir::Function& function) {
  if (verifies_by_default()) check_named("given to " + std::string(receiver), function);
}

void PassRunner::report(std::string_view name, const ir::Function& function, bool changed,
                        double milliseconds) const {
  if (options_.debug.shows(Debug::kPasses, name))
    std::fprintf(stderr, "rondo: %-20.*s @%s: %.3f ms%s\n", static_cast<int>(name.size()), name.data(),
                 function.name.c_str(), milliseconds, changed ? "" : ", nothing changed");
  if (changed) show(name, function);
}

void PassRunner::show(std::string_view name, const ir::Function& function) const {
  const Debug& debug = options_.debug;
  const bool print = options_.print_changed || debug.shows(Debug::kChanges, name);
  if (!print && debug.dump.empty()) return;
  const std::string text = ir::print(function);
  if (print)
    std::fprintf(stderr, "// after %.*s\n%s\n", static_cast<int>(name.size()), name.data(), text.c_str());
  if (!debug.dump.empty()) dump(debug.dump, name, text);
}

}  // namespace rondo::passes
