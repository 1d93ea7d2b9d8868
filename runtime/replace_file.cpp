// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/replace_file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "runtime/failure.h"
#include "runtime/text.h"

namespace rondo::runtime {
namespace {

[[noreturn]] void fail(const std::string& path, const char* step, int error) {
  throw Failure("can't save " + quoted(path) + ": " + step + ": " + std::strerror(error));
}

template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// A write past RLIMIT_FSIZE sends SIGXFSZ, which kills. Blocked, the write says EFBIG like any other error;
// the signal goes to the writing thread alone, so it can be taken back before unblocking.
class FileSizeSignalBlocked {
 public:
  FileSizeSignalBlocked() {
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  ~FileSizeSignalBlocked() {
    if (sigismember(&before_, SIGXFSZ)) return;
    timespec now{};
    retry([&] { return sigtimedwait(&signal_, nullptr, &now); });
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  FileSizeSignalBlocked(const FileSizeSignalBlocked&) = delete;
  FileSizeSignalBlocked& operator=(const FileSizeSignalBlocked&) = delete;

 private:
  sigset_t signal_, before_;
};

// The temporary file beside `path`: removed again unless it was renamed.
class Temporary {
 public:
  explicit Temporary(const std::string& path) : path_(path) {
    static std::atomic<unsigned> count{0};
    do {
      name_ = path + ".tmp-" + std::to_string(getpid()) + "-" + std::to_string(count++);
      file_ = retry([&] { return open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
    } while (file_ < 0 && errno == EEXIST);  // left by a process that died
    if (file_ < 0) fail(path_, "open", errno);
  }
  ~Temporary() {
    if (file_ >= 0) close(file_);
    if (!name_.empty()) unlink(name_.c_str());
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  void write_all(std::span<const std::byte> data) {
    while (!data.empty()) {
      ssize_t written = retry([&] { return write(file_, data.data(), data.size()); });
      if (written < 0) fail(path_, "write", errno);
      data = data.subspan(static_cast<std::size_t>(written));
    }
  }

  void sync_and_rename() {
    if (retry([&] { return fsync(file_); }) != 0) fail(path_, "fsync", errno);
    int file = file_;
    file_ = -1;  // closed whatever close() returns
    if (close(file) != 0 && errno != EINTR) fail(path_, "close", errno);
    if (retry([&] { return rename(name_.c_str(), path_.c_str()); }) != 0) fail(path_, "rename", errno);
    name_.clear();
  }

 private:
  const std::string& path_;
  std::string name_;
  int file_ = -1;
};

void refuse_special_files(const std::string& path) {
  if (path.find('\0') != std::string::npos) throw Failure("can't save " + quoted(path) + ": NUL in the name");
  struct stat facts;
  if (lstat(path.c_str(), &facts) != 0) return;  // not there yet; other errors show when it is opened
  if (S_ISDIR(facts.st_mode)) fail(path, "open", EISDIR);
  if (!S_ISREG(facts.st_mode) && !S_ISLNK(facts.st_mode))
    throw Failure("can't save " + quoted(path) + ": it is not a regular file");
}

void sync_directory_of(const std::string& path) {
  std::size_t slash = path.rfind('/');
  std::string directory = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  int handle = retry([&] { return open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (handle < 0) fail(path, "open directory", errno);
  // EINVAL: the file system has no such thing as syncing a directory.
  int error = retry([&] { return fsync(handle); }) != 0 && errno != EINVAL ? errno : 0;
  close(handle);
  if (error) fail(path, "fsync directory", error);
}

}  // namespace

void replace_file(const std::string& path, std::span<const std::span<const std::byte>> chunks) {
  refuse_special_files(path);
  FileSizeSignalBlocked blocked;
  Temporary temporary(path);
  for (auto chunk : chunks) temporary.write_all(chunk);
  temporary.sync_and_rename();
  sync_directory_of(path);
}

}  // namespace rondo::runtime
