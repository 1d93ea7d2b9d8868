// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/fuzz/isolate.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include "ir/error.h"

namespace rondo::fuzz {

namespace {

[[noreturn]] void fail(const char* call) {
  throw InternalError(std::string(call) + ": " + std::strerror(errno));
}

template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// In the child: the kind, then the detail. A crash is to end it, whatever the tool does about signals.
[[noreturn]] void judge(const std::function<Verdict()>& check, int to, int seconds) {
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGALRM}) ::signal(signal, SIG_DFL);
  alarm(static_cast<unsigned>(seconds));
  const Verdict verdict = in_this_process(check);
  std::string message = std::to_string(verdict.kind) + verdict.detail;
  for (std::string_view rest = message; !rest.empty();) {
    const ssize_t written = retry([&] { return write(to, rest.data(), rest.size()); });
    if (written < 0) break;
    rest.remove_prefix(static_cast<size_t>(written));
  }
  _exit(0);
}

std::string read_all(int from) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t count = retry([&] { return read(from, buffer, sizeof buffer); });
    if (count <= 0) return text;
    text.append(buffer, static_cast<size_t>(count));
  }
}

}  // namespace

Verdict in_this_process(const std::function<Verdict()>& check) {
  try {
    return check();
  } catch (const std::exception& error) {
    return {Verdict::kFail, error.what()};
  }
}

Verdict in_own_process(const std::function<Verdict()>& check, int seconds) {
  int ends[2];
  if (pipe(ends) != 0) fail("pipe");
  std::fflush(nullptr);  // or the child would write it again
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child == 0) {
    close(ends[0]);
    judge(check, ends[1], seconds);
  }
  close(ends[1]);
  const std::string message = read_all(ends[0]);
  close(ends[0]);
  int status = 0;
  if (retry([&] { return waitpid(child, &status, 0); }) < 0) fail("waitpid");
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    return {Verdict::kFail, "took more than " + std::to_string(seconds) + " seconds"};
  if (WIFSIGNALED(status)) return {Verdict::kFail, std::string("crashed: ") + strsignal(WTERMSIG(status))};
  if (message.empty() || WEXITSTATUS(status) != 0) return {Verdict::kFail, "ended without a verdict"};
  return {static_cast<Verdict::Kind>(message[0] - '0'), message.substr(1)};
}

}  // namespace rondo::fuzz
