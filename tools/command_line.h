// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "ir/error.h"
#include "runtime/failure.h"
#include "runtime/replace_file.h"
#include "runtime/text.h"

// What the tools share: exit codes, and text in and out with every failure reported.
namespace rondo::tools {

enum ExitCode { kDone = 0, kInputError = 1, kUsageError = 2, kInternalError = 3 };

/// Calls `body` and turns what it throws into a message on stderr and an exit code.
template <class Body>
int run_tool(const char* tool, Body&& body) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader that went away is a write error like any other
  // What is said may hold names from files.
  const auto report = [&](const char* kind, const char* what) {
    std::fprintf(stderr, "%s%s%s\n", tool, kind, runtime::printable(what).c_str());
  };
  try {
    return body();
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", runtime::printable(error.what()).c_str());
    return kInputError;
  } catch (const runtime::Failure& failure) {
    report(": ", failure.what());
    return kInputError;
  } catch (const std::bad_alloc&) {
    report(": ", "out of memory");
    return kInputError;
  } catch (const std::exception& error) {
    report(": internal error: ", error.what());
    return kInternalError;
  }
}

/// The bytes of a file, or of standard input for `-`. Throws Error if they can't be read or are more than
/// `limit`.
inline std::string read_text(const std::string& path, size_t limit = size_t{1} << 28) {
  const bool standard = path == "-";
  const auto fail = [&](const std::string& why) {
    throw Error((standard ? "standard input" : path) + ": " + why);
  };
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(standard ? stdin : std::fopen(path.c_str(), "rb"),
                                                       standard ? [](std::FILE*) { return 0; } : std::fclose);
  if (!file) fail(std::strerror(errno));
  std::string text;
  char buffer[1 << 16];
  while (const size_t n = std::fread(buffer, 1, sizeof buffer, file.get())) {
    if (text.size() + n > limit) fail("more than " + std::to_string(limit) + " bytes");
    text.append(buffer, n);
  }
  if (std::ferror(file.get())) fail(std::strerror(errno));
  return text;
}

/// Throws Error if some of what was printed is lost.
inline void finish_output() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    throw Error(std::string("standard output: ") + std::strerror(errno));
}

/// Writes to standard output, or to a file, which then holds all of it or is as it was. Throws Error or
/// Failure if that fails.
inline void write_text(const std::string& path, std::string_view text) {
  if (path != "-") {
    const std::span<const std::byte> bytes = std::as_bytes(std::span(text.data(), text.size()));
    return runtime::replace_file(path, std::span(&bytes, 1));
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  finish_output();
}

}  // namespace rondo::tools
