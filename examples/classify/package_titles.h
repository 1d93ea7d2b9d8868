// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One-line descriptions of Debian packages and the archive section they stand in.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "examples/classify/titles.h"

namespace classify {

/// The labels of packages.
inline constexpr std::array<std::string_view, 16> kSections = {
    "admin",      "fonts", "games", "gnu-r",  "golang", "graphics", "haskell", "java",
    "javascript", "net",   "perl",  "python", "ruby",   "rust",     "science", "sound"};

/// Makes titles of package records in the form of `apt-cache dumpavail`: paragraphs of "Field: value" lines.
/// It takes any bytes: a line is kept to its first 64 KiB, and a record that lacks a package, a section or a
/// description is passed over. A title is the first line of a description. Of records with equal titles the one
/// with the least package name decides the section, whichever that is; then only titles of kSections are kept.
class PackageTitles {
 public:
  /// The next bytes of the text, cut anywhere.
  void feed(std::string_view bytes);
  /// Ends the last record and hands out the titles.
  Titles finish();

 private:
  struct Record {
    std::string package, section;
  };

  void end_line();
  void end_record();

  std::string line_;
  std::string package_, section_, description_;  // of the record being read; empty: not seen
  std::map<std::string, Record> records_;        // by title
};

/// Titles of the package records in `file`, or of what `apt-cache dumpavail` prints if none is given. Throws
/// rondo::runtime::Failure if they can't be read or give no title to train on.
Titles read_package_titles(const std::optional<std::string>& file);

}  // namespace classify
