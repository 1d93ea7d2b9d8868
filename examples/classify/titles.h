// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The data of the title classifier: one-line descriptions of Debian packages and the archive section they
// stand in.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace classify {

/// The labels: a Title's label is an index into these.
inline constexpr std::array<std::string_view, 16> kSections = {
    "admin",      "fonts", "games", "gnu-r",  "golang", "graphics", "haskell", "java",
    "javascript", "net",   "perl",  "python", "ruby",   "rust",     "science", "sound"};

struct Title {
  std::string text;  ///< first line of the description, ASCII letters in lower case
  int label = 0;
};

/// Both sorted by the bytes of their texts, which are all different.
struct Titles {
  std::vector<Title> train, test;
};

/// Makes titles of package records in the form of `apt-cache dumpavail`: paragraphs of "Field: value" lines.
/// It takes any bytes: a line is kept to its first 64 KiB, and a record that lacks a package, a section or a
/// description is passed over. Of records with equal titles the one with the least package name decides the
/// section, whichever that is; then only titles of kSections are kept. A title is for testing if 10 divides
/// its FNV-1a hash (64 bits).
class TitleCollector {
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

/// Titles of `data_file`, or of what `apt-cache dumpavail` prints if none is given. Throws
/// rondo::runtime::Failure if it can't be read or gives no title to train on.
Titles read_titles(const std::optional<std::string>& data_file);

/// The title's words, runs of [a-z0-9+]: the first 40.
std::vector<std::string_view> words_of(std::string_view title);

/// Numbers the words that are seen at least twice in the training titles: 0 is padding, 1 an unknown word,
/// then the words by falling frequency, equally frequent ones by their bytes.
class Vocabulary {
 public:
  static constexpr std::int32_t kPadding = 0, kUnknown = 1;

  static Vocabulary of(std::span<const Title> train);
  /// With the words that words() gave, in their order.
  explicit Vocabulary(std::vector<std::string> words);

  /// Number of ids, padding and unknown among them.
  std::int64_t size() const { return static_cast<std::int64_t>(words_.size()) + 2; }
  /// The words of ids 2, 3, ...
  const std::vector<std::string>& words() const { return words_; }
  /// The ids of the title's words.
  std::vector<std::int32_t> ids(std::string_view title) const;

 private:
  std::vector<std::string> words_;
  std::map<std::string, std::int32_t, std::less<>> ids_;
};

}  // namespace classify
