// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/reproducer.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "ir/print.h"
#include "ir/text.h"

namespace rondo::passes {

namespace {

std::atomic<int> files_written = 0;
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may not wait for a lock");

bool write_all(int file, const char* data, size_t size) noexcept {
  while (size > 0) {
    const ssize_t written = ::write(file, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    size -= static_cast<size_t>(written);
  }
  return true;
}

// A name that no other reproducer of this process or of one that lives now has.
std::string unique_name() {
  static std::atomic<int> next = 0;
  return "rondo-" + std::to_string(getpid()) + "-" + std::to_string(next++) + ".rondo";
}

}  // namespace

Reproducer::Reproducer(const ir::Function& before, std::string_view options, std::string_view why,
                       const std::string& folder) {
  constexpr size_t kWhyBytes = 300;
  text_ = std::string(kHead) + " " + std::string(options) + "\n";
  if (!why.empty()) text_ += "// " + ir::excerpt(why.substr(0, why.find('\n')), kWhyBytes) + "\n";
  text_ += "rondo 0.1\n\n" + ir::print(before);
  std::error_code error;  // what fails here fails again when the file is written
  const std::filesystem::path place =
      folder.empty() ? std::filesystem::temp_directory_path(error) : std::filesystem::path(folder);
  std::filesystem::create_directories(place, error);
  path_ = (place / unique_name()).string();
  part_ = path_ + ".part";
}

bool Reproducer::write() const noexcept {
  if (text_.size() > kMaxBytes || files_written.fetch_add(1) >= kMaxFiles) return false;
  const int file = open(part_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file < 0) return false;
  const bool whole = write_all(file, text_.data(), text_.size());
  const bool done = close(file) == 0 && whole && rename(part_.c_str(), path_.c_str()) == 0;
  if (!done) unlink(part_.c_str());
  return done;
}

namespace {

// Of the whole process, and written once.
const char* crashing_tool = nullptr;
int crash_exit_code = 0;

constinit thread_local const CrashScope* innermost = nullptr;

}  // namespace

struct CrashHandler {
  static void say(const char* text) { write_all(STDERR_FILENO, text, std::strlen(text)); }

  static const char* name_of(int signal) {
    switch (signal) {
      case SIGSEGV:
        return "SIGSEGV";
      case SIGABRT:
        return "SIGABRT";
      case SIGBUS:
        return "SIGBUS";
      case SIGFPE:
        return "SIGFPE";
      default:
        return "SIGILL";
    }
  }

  // Nothing here allocates, locks or unwinds: whatever broke, the texts were made before.
  static void run(int signal) {
    if (innermost == nullptr) {  // the handler is taken away by SA_RESETHAND: as if it had not been there
      raise(signal);
      return;
    }
    const CrashScope& scope = *innermost;
    const bool written = scope.reproducer_ != nullptr && scope.reproducer_->write();
    for (const char* part :
         {crashing_tool, ": internal error: ", scope.what_.c_str(), ": ", name_of(signal), "\n"})
      say(part);
    if (written)
      for (const char* part :
           {"rondo-opt --run-reproducer ", scope.reproducer_->path().c_str(), " repeats it\n"})
        say(part);
    _exit(crash_exit_code);
  }
};

void catch_crashes(const char* tool, int exit_code) {
  alignas(16) static char stack[size_t{1} << 16];  // where a handler still has room when the stack has none
  crashing_tool = tool;
  crash_exit_code = exit_code;
  stack_t alternate{};
  alternate.ss_sp = stack;
  alternate.ss_size = sizeof stack;
  sigaltstack(&alternate, nullptr);
  struct sigaction action{};
  action.sa_handler = CrashHandler::run;
  action.sa_flags = static_cast<int>(SA_ONSTACK | SA_RESETHAND | SA_NODEFER);
  for (int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL}) sigaction(signal, &action, nullptr);
}

bool crashes_are_caught() { return crashing_tool != nullptr; }

CrashScope::CrashScope(std::string_view pass, const Reproducer* reproducer)
    : what_("pass " + std::string(pass)), reproducer_(reproducer), outer_(innermost) {
  innermost = this;
}

CrashScope::~CrashScope() { innermost = outer_; }

}  // namespace rondo::passes
