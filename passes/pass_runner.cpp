// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/pass_runner.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <new>
#include <optional>
#include <set>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "passes/reproducer.h"

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

// Of a long text, as much as a message should show.
std::string beginning(std::string text) {
  constexpr size_t kShown = size_t{1} << 16;
  if (text.size() <= kShown) return text;
  text.resize(text.rfind('\n', kShown) + 1);
  return text + "..\n";
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

void clear_dump(const std::string& folder) {
  static std::mutex mutex;
  static std::set<std::string> cleared;
  std::lock_guard lock(mutex);
  if (!cleared.insert(folder).second) return;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    const bool numbered =
        name.size() > 4 && name[3] == '-' &&
        std::all_of(name.begin(), name.begin() + 3, [](char c) { return c >= '0' && c <= '9'; });
    if (numbered && entry.path().extension() == ".rondo") std::filesystem::remove(entry.path(), ignored);
  }
}

bool PassRunner::verifies_by_default() { return RONDO_VERIFY_EACH || Debug::get().verify; }

void PassRunner::run(std::span<const Pass> pipeline, ir::Function& function) {
  std::vector<Pass> kept;
  for (const Pass& pass : pipeline)
    if (std::ranges::find(options_.without, pass.name) == options_.without.end()) kept.push_back(pass);
  for (size_t i = 0; i < kept.size(); ++i) {
    std::string options;
    for (const Pass& pass : std::span(kept).subspan(i))
      options += (options.empty() ? "--" : " --") + pass.name;
    run(kept[i].name, options, function, kept[i].run);
  }
}

bool PassRunner::run(std::string_view name, std::string_view options, ir::Function& function,
                     const std::function<bool(ir::Function&)>& pass) {
  const auto before = ir::clone_function(function, function.name);  // cheaper than its text
  bool changed = false;
  guard(name, options, *before, [&] {
    const auto start = std::chrono::steady_clock::now();
    changed = pass(function);
    const auto time = std::chrono::steady_clock::now() - start;
    if (options_.verify_each) check(function);
    report(name, function, changed, std::chrono::duration<double, std::milli>(time).count());
  });
  return changed;
}

std::unique_ptr<ir::Function> PassRunner::make(
    std::string_view name, std::string_view options, const ir::Function& from,
    const std::function<std::unique_ptr<ir::Function>(const ir::Function&)>& maker) {
  std::unique_ptr<ir::Function> made;
  guard(name, options, from, [&] {
    made = maker(from);
    if (options_.verify_each) check(*made);
    show(name, *made);
  });
  return made;
}

void PassRunner::guard(std::string_view name, std::string_view options, const ir::Function& before,
                       const std::function<void()>& body) const {
  const auto reproducer = [&](std::string_view why) {
    const std::string all = (options_.verify_each ? "--verify-each " : "") + std::string(options);
    return Reproducer(before, all, why, options_.debug.dump);
  };
  std::optional<Reproducer> prepared;
  if (crashes_are_caught() && options_.reproducers) prepared = reproducer("");
  const CrashScope scope(name, prepared ? &*prepared : nullptr);
  try {
    body();
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    std::string message = "pass " + std::string(name) + ": " + error.what() + "\n";
    if (options_.reproducers)
      if (const Reproducer failed = reproducer(error.what()); failed.write())
        message += "rondo-opt --run-reproducer " + failed.path() + " repeats it\n";
    throw InternalError(message + "before the pass the function was:\n" + beginning(ir::print(before)));
  }
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
