// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rondo {

/// Where the user wrote something: a C++ file and line, and the passes that touched it since, oldest first.
///
/// As a defaulted last parameter, `Loc loc = {}` records the caller's place. Copies are cheap: the file is a
/// literal or an interned string, the pass names are an interned list. A Loc with an empty file is unknown.
class Loc {
 public:
  Loc(const char* file = __builtin_FILE(), int line = __builtin_LINE()) : file_(file), line_(line) {}

  static Loc unknown() { return Loc("", 0); }
  /// A place whose file name need not outlive the call: it is interned.
  static Loc in(std::string_view file, int line);

  bool known() const { return *file_ != '\0'; }
  std::string_view file() const { return file_; }
  int line() const { return line_; }

  /// The same place, touched by one more pass; a pass is named once even if it touches an op again.
  Loc via(std::string_view pass) const;
  std::vector<std::string> passes() const;

  /// `mine.cpp:14`, as errors print it; "unknown place" if there is none.
  std::string text() const;

 private:
  struct Via {
    const Via* earlier;
    std::string pass;
  };

  const char* file_;
  int line_;
  const Via* via_ = nullptr;
};

}  // namespace rondo
