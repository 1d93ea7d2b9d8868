// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/replace_file.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>

#include "runtime/failure.h"
#include "tests/runtime/temporary_folder.h"

using rondo::runtime::Failure;
using rondo::runtime::replace_file;

namespace {

// Stands between replace_file and the system: notes each call and makes one of them fail.
struct Faults {
  bool active = false;
  int fail_at = -1;  // index of the call that fails
  int error = 0;
  bool short_writes = false;
  std::vector<std::string> calls{};

  bool fails(const char* call) {
    if (!active) return false;
    calls.emplace_back(call);
    if (static_cast<int>(calls.size()) - 1 != fail_at) return false;
    errno = error;
    return true;
  }
};

Faults faults;

}  // namespace

// These take the place of libc's for the whole test program.
extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  int mode = flags & O_CREAT ? va_arg(arguments, int) : 0;
  va_end(arguments);
  if (faults.fails(flags & O_DIRECTORY ? "open directory" : "open")) return -1;
  return static_cast<int>(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t write(int file, const void* data, size_t size) {
  if (faults.fails("write")) return -1;
  if (faults.active && faults.short_writes) size = std::min<size_t>(size, 3);
  return syscall(SYS_write, file, data, size);
}

int fsync(int file) {
  struct stat facts;
  fstat(file, &facts);
  if (faults.fails(S_ISDIR(facts.st_mode) ? "fsync directory" : "fsync")) return -1;
  return static_cast<int>(syscall(SYS_fsync, file));
}

int close(int file) {
  bool fails = faults.fails("close");
  int result = static_cast<int>(syscall(SYS_close, file));
  if (fails) errno = faults.error;
  return fails ? -1 : result;
}

int rename(const char* from, const char* to) noexcept {
  if (faults.fails("rename")) return -1;
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
}

namespace {

void save(const std::string& path, std::string_view text) {
  std::string_view half = text.substr(0, text.size() / 2), rest = text.substr(half.size());
  std::span<const std::byte> chunks[] = {std::as_bytes(std::span(half)), std::as_bytes(std::span(rest))};
  replace_file(path, chunks);
}

// Saves with the faults given; returns the message of the Failure, "" if there was none.
std::string save_with(Faults with, const std::string& path, std::string_view text) {
  faults = std::move(with);
  faults.active = true;
  std::string message;
  try {
    save(path, text);
  } catch (const Failure& failure) {
    message = failure.what();
  }
  faults.active = false;
  return message;
}

const std::vector<std::string> kOneFile{"m"};

// Runs `body` in a child process, where limits and user may be changed; true if it returned true.
template <class Body>
bool in_child(Body body) {
  pid_t child = fork();
  if (child == 0) _exit(body() ? 0 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("replace_file: writes, replaces, and leaves nothing else") {
  TemporaryFolder folder;
  save(folder / "m", "first");
  CHECK(read_text(folder / "m") == "first");
  save(folder / "m", "");
  CHECK(read_text(folder / "m").empty());
  CHECK(folder.list() == kOneFile);
}

TEST_CASE("replace_file: a name without a folder goes to the current one") {
  TemporaryFolder folder;
  auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  save("m", "here");
  std::filesystem::current_path(before);
  CHECK(read_text(folder / "m") == "here");
}

TEST_CASE("replace_file: syncs the file before the rename and the directory after it") {
  TemporaryFolder folder;
  CHECK(save_with({}, folder / "m", "content") == "");
  CHECK(faults.calls == std::vector<std::string>{"open", "write", "write", "fsync", "close", "rename",
                                                 "open directory", "fsync directory", "close"});
}

TEST_CASE("replace_file: whichever call fails, the old file stays and no temporary file") {
  TemporaryFolder folder;
  save(folder / "m", "old content");
  REQUIRE(save_with({}, folder / "m", "old content") == "");
  const std::vector<std::string> calls = faults.calls;
  const auto renamed = static_cast<int>(std::ranges::find(calls, "rename") - calls.begin());
  for (int error : {EIO, ENOSPC, EDQUOT, EACCES, EROFS}) {
    for (int k = 0; k <= renamed; ++k) {
      CAPTURE(calls[k]);
      CHECK(save_with({.fail_at = k, .error = error}, folder / "m", "new content") ==
            "can't save '" + (folder / "m") + "': " + calls[k] + ": " + std::strerror(error));
      CHECK(read_text(folder / "m") == "old content");
      CHECK(folder.list() == kOneFile);
    }
  }
  // After the rename the new file is in place; that it may not outlive a power cut is still told.
  for (int k : {renamed + 1, renamed + 2}) {
    CHECK(save_with({.fail_at = k, .error = EIO}, folder / "m", "new content").find(calls[k]) !=
          std::string::npos);
    CHECK(read_text(folder / "m") == "new content");
    CHECK(folder.list() == kOneFile);
  }
}

TEST_CASE("replace_file: interrupted calls and short writes are taken up again") {
  TemporaryFolder folder;
  for (int k = 0; k < 9; ++k) {
    CHECK(save_with({.fail_at = k, .error = EINTR}, folder / "m", std::to_string(k) + " content") == "");
    CHECK(read_text(folder / "m") == std::to_string(k) + " content");
  }
  CHECK(save_with({.short_writes = true}, folder / "m", "quite a long content") == "");
  CHECK(read_text(folder / "m") == "quite a long content");
  CHECK(folder.list() == kOneFile);
}

TEST_CASE("replace_file: a temporary file of a process that died is no obstacle") {
  TemporaryFolder folder;
  CHECK(save_with({.fail_at = 0, .error = EEXIST}, folder / "m", "content") == "");
  CHECK(read_text(folder / "m") == "content");
}

TEST_CASE("replace_file: refuses what is not a file") {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder / "dir");
  CHECK_THROWS_WITH_AS(save(folder / "dir", "x"),
                       ("can't save '" + (folder / "dir") + "': open: Is a directory").c_str(), Failure);
  CHECK_THROWS_WITH_AS(save("/dev/null", "x"), "can't save '/dev/null': it is not a regular file", Failure);
  CHECK_THROWS_AS(save(folder / "no/such/folder", "x"), Failure);
  CHECK_THROWS_AS(save(folder / std::string(300, 'n'), "x"), Failure);
  CHECK_THROWS_AS(save(folder / std::string_view("a\0b", 3), "x"), Failure);
  CHECK_THROWS_AS(save("", "x"), Failure);
  CHECK(folder.list() == std::vector<std::string>{"dir"});
}

TEST_CASE("replace_file: a link is replaced, not what it points to") {
  TemporaryFolder folder;
  save(folder / "target", "target");
  std::filesystem::create_symlink("target", folder / "link");
  save(folder / "link", "new");
  CHECK(read_text(folder / "target") == "target");
  CHECK(read_text(folder / "link") == "new");
}

TEST_CASE("replace_file: a file size limit is an error and not a signal") {
  TemporaryFolder folder;
  save(folder / "m", "old");
  CHECK(in_child([&] {
    rlimit limit{4, 4};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    std::string message = save_with({}, folder / "m", "far too long");
    return message.find(std::strerror(EFBIG)) != std::string::npos && folder.list() == kOneFile;
  }));
  CHECK(read_text(folder / "m") == "old");
}

TEST_CASE("replace_file: a folder that may not be written") {
  TemporaryFolder folder;
  save(folder / "m", "old");
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0555));
  CHECK(in_child([&] {
    constexpr uid_t kNobody = 65534;
    if (geteuid() == 0 && setuid(kNobody) != 0) return false;
    return save_with({}, folder / "m", "new").find(std::strerror(EACCES)) != std::string::npos;
  }));
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  CHECK(read_text(folder / "m") == "old");
  CHECK(folder.list() == kOneFile);
}
