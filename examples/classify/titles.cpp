// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/titles.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include "runtime/failure.h"
#include "runtime/text.h"

namespace classify {
namespace {

using rondo::runtime::Failure;
using rondo::runtime::quoted;

constexpr std::size_t kMostLineBytes = 64 * 1024;
constexpr std::size_t kMostWords = 40;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

std::string system_text(int error) { return std::strerror(error); }

class Handle {
 public:
  explicit Handle(int handle = -1) : handle_(handle) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { reset(); }
  void reset(int handle = -1) {
    if (handle_ >= 0) close(handle_);
    handle_ = handle;
  }
  int get() const { return handle_; }

 private:
  int handle_;
};

// Feeds all that `handle` gives; returns the number of bytes.
std::uint64_t feed_all(int handle, const std::string& name, TitleCollector& collector) {
  std::vector<char> buffer(1 << 16);
  std::uint64_t bytes = 0;
  for (;;) {
    ssize_t got = read(handle, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Failure("can't read " + name + ": " + system_text(errno));
    if (got == 0) return bytes;
    collector.feed({buffer.data(), static_cast<std::size_t>(got)});
    bytes += static_cast<std::uint64_t>(got);
  }
}

void feed_file(const std::string& path, TitleCollector& collector) {
  const std::string name = quoted(path);
  Handle file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) throw Failure("can't open " + name + ": " + system_text(errno));
  struct stat facts{};
  // A device may never end.
  if (fstat(file.get(), &facts) != 0 || (!S_ISREG(facts.st_mode) && !S_ISFIFO(facts.st_mode)))
    throw Failure(name + " is not a file of package records");
  if (feed_all(file.get(), name, collector) == 0) throw Failure(name + " is empty");
}

// A running `apt-cache dumpavail`, waited for whatever happens.
class AptCache {
 public:
  AptCache() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw Failure("can't make a pipe: " + system_text(errno));
    output_.reset(ends[0]);
    Handle child_end(ends[1]);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    char program[] = "apt-cache", argument[] = "dumpavail";
    char* arguments[] = {program, argument, nullptr};
    int error = posix_spawnp(&process_, program, &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error != 0) throw Failure("can't run apt-cache: " + system_text(error) + "; give a file with --data");
  }
  ~AptCache() {
    output_.reset();  // it ends when nobody reads
    if (process_ > 0) wait();
  }
  AptCache(const AptCache&) = delete;
  AptCache& operator=(const AptCache&) = delete;

  int output() const { return output_.get(); }

  /// True if it ended well.
  bool wait() {
    int status = 0;
    while (waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = 0;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
  }

 private:
  Handle output_;
  pid_t process_ = 0;
};

void feed_apt_cache(TitleCollector& collector) {
  AptCache apt_cache;
  std::uint64_t bytes = feed_all(apt_cache.output(), "the output of apt-cache", collector);
  if (!apt_cache.wait())
    throw Failure("'apt-cache dumpavail' failed; run it to see why, or give a file with --data");
  if (bytes == 0)
    throw Failure(
        "'apt-cache dumpavail' knows no packages; run 'apt-get update', or give a file with --data");
}

}  // namespace

void TitleCollector::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t end = std::min(bytes.find('\n'), bytes.size());
    line_ += bytes.substr(0, std::min(end, kMostLineBytes - line_.size()));
    if (end == bytes.size()) return;
    end_line();
    bytes.remove_prefix(end + 1);
  }
}

void TitleCollector::end_line() {
  const std::string line = std::exchange(line_, {});
  if (trim(line).empty()) return end_record();
  std::size_t colon = line.find(':');
  if (line[0] == ' ' || line[0] == '\t' || colon == std::string::npos) return;  // more of the field before
  const std::string field = lower(trim(std::string_view(line).substr(0, colon)));
  const std::string_view value = trim(std::string_view(line).substr(colon + 1));
  auto set_once = [&](std::string& to) {
    if (to.empty()) to = value;
  };
  if (field == "package") set_once(package_);
  if (field == "section") set_once(section_);
  if (field == "description" || field == "description-en") set_once(description_);
}

void TitleCollector::end_record() {
  Record record{std::exchange(package_, {}), std::exchange(section_, {})};
  std::string title = lower(std::exchange(description_, {}));
  if (record.package.empty() || record.section.empty() || title.empty()) return;
  record.section.erase(0, record.section.rfind('/') + 1);  // "universe/games" is games
  auto [known, added] = records_.try_emplace(std::move(title), record);
  if (!added && record.package < known->second.package) known->second = std::move(record);
}

Titles TitleCollector::finish() {
  end_line();
  end_record();
  Titles titles;
  for (auto& [text, record] : records_) {
    auto section = std::ranges::find(kSections, record.section);
    if (section == kSections.end()) continue;
    auto& part = fnv1a(text) % 10 == 0 ? titles.test : titles.train;
    part.push_back({text, static_cast<int>(section - kSections.begin())});
  }
  records_.clear();
  return titles;
}

Titles read_titles(const std::optional<std::string>& data_file) {
  TitleCollector collector;
  if (data_file)
    feed_file(*data_file, collector);
  else
    feed_apt_cache(collector);
  Titles titles = collector.finish();
  if (titles.train.empty())
    throw Failure(
        (data_file ? quoted(*data_file) : "the output of apt-cache") +
        " holds no record to train on: one has Package, Section and Description, and a section such as " +
        std::string(kSections[0]) + " or " + std::string(kSections[1]));
  return titles;
}

std::vector<std::string_view> words_of(std::string_view title) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789+";
  std::vector<std::string_view> words;
  std::size_t end = 0;
  while (words.size() < kMostWords) {
    std::size_t first = title.find_first_of(kLetters, end);
    if (first == std::string_view::npos) break;
    end = std::min(title.find_first_not_of(kLetters, first), title.size());
    words.push_back(title.substr(first, end - first));
  }
  return words;
}

Vocabulary Vocabulary::of(std::span<const Title> train) {
  std::map<std::string, std::int64_t, std::less<>> counts;
  for (const Title& title : train)
    for (std::string_view word : words_of(title.text)) ++counts[std::string(word)];
  std::vector<std::pair<std::int64_t, std::string>>
      frequent;  // count negated, so that sorting puts the most first
  for (auto& [word, count] : counts)
    if (count >= 2) frequent.emplace_back(-count, word);
  std::ranges::sort(frequent);
  std::vector<std::string> words;
  for (auto& entry : frequent) words.push_back(std::move(entry.second));
  return Vocabulary(std::move(words));
}

Vocabulary::Vocabulary(std::vector<std::string> words) : words_(std::move(words)) {
  std::int32_t next = kUnknown;
  for (const std::string& word : words_) ids_.emplace(word, ++next);
}

std::vector<std::int32_t> Vocabulary::ids(std::string_view title) const {
  std::vector<std::int32_t> ids;
  for (std::string_view word : words_of(title)) {
    auto known = ids_.find(word);
    ids.push_back(known == ids_.end() ? kUnknown : known->second);
  }
  return ids;
}

}  // namespace classify
