// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/package_titles.h"

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
std::uint64_t feed_all(int handle, const std::string& name, PackageTitles& collector) {
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

void feed_file(const std::string& path, PackageTitles& collector) {
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

void feed_apt_cache(PackageTitles& collector) {
  AptCache apt_cache;
  std::uint64_t bytes = feed_all(apt_cache.output(), "the output of apt-cache", collector);
  if (!apt_cache.wait())
    throw Failure("'apt-cache dumpavail' failed; run it to see why, or give a file with --data");
  if (bytes == 0)
    throw Failure(
        "'apt-cache dumpavail' knows no packages; run 'apt-get update', or give a file with --data");
}

}  // namespace

void PackageTitles::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    std::size_t end = std::min(bytes.find('\n'), bytes.size());
    line_ += bytes.substr(0, std::min(end, kMostLineBytes - line_.size()));
    if (end == bytes.size()) return;
    end_line();
    bytes.remove_prefix(end + 1);
  }
}

void PackageTitles::end_line() {
  const std::string line = std::exchange(line_, {});
  if (trim(line).empty()) return end_record();
  std::size_t colon = line.find(':');
  if (line[0] == ' ' || line[0] == '\t' || colon == std::string::npos) return;  // more of the field before
  const std::string field = lower_case(trim(std::string_view(line).substr(0, colon)));
  const std::string_view value = trim(std::string_view(line).substr(colon + 1));
  auto set_once = [&](std::string& to) {
    if (to.empty()) to = value;
  };
  if (field == "package") set_once(package_);
  if (field == "section") set_once(section_);
  if (field == "description" || field == "description-en") set_once(description_);
}

void PackageTitles::end_record() {
  Record record{std::exchange(package_, {}), std::exchange(section_, {})};
  std::string title = lower_case(std::exchange(description_, {}));
  if (record.package.empty() || record.section.empty() || title.empty()) return;
  record.section.erase(0, record.section.rfind('/') + 1);  // "universe/games" is games
  auto [known, added] = records_.try_emplace(std::move(title), record);
  if (!added && record.package < known->second.package) known->second = std::move(record);
}

Titles PackageTitles::finish() {
  end_line();
  end_record();
  std::map<std::string, int> section_of_text;
  for (const auto& [text, record] : std::exchange(records_, {})) {
    const auto section = std::ranges::find(kSections, record.section);
    if (section != kSections.end()) section_of_text[text] = static_cast<int>(section - kSections.begin());
  }
  return {{kSections.begin(), kSections.end()}, section_of_text};
}

Titles read_package_titles(const std::optional<std::string>& file) {
  PackageTitles collector;
  if (file)
    feed_file(*file, collector);
  else
    feed_apt_cache(collector);
  Titles titles = collector.finish();
  if (titles.train.empty())
    throw Failure(
        (file ? quoted(*file) : "the output of apt-cache") +
        " holds no record to train on: one has Package, Section and Description, and a section such as " +
        std::string(kSections[0]) + " or " + std::string(kSections[1]));
  return titles;
}

}  // namespace classify
