// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/progress.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

using namespace rondo::runtime;

namespace {

// A stream that is no terminal, and what was written to it.
struct Plain {
  std::FILE* file = std::tmpfile();
  ~Plain() { std::fclose(file); }
  std::string text() const {
    std::string out(static_cast<std::size_t>(std::ftell(file)), '\0');
    std::rewind(file);
    REQUIRE(std::fread(out.data(), 1, out.size(), file) == out.size());
    return out;
  }
};

// A terminal with `columns`, and what was written to it.
struct Terminal {
  explicit Terminal(unsigned short columns) {
    master = posix_openpt(O_RDWR | O_NOCTTY);
    REQUIRE(master >= 0);
    REQUIRE(grantpt(master) == 0);
    REQUIRE(unlockpt(master) == 0);
    winsize size{};
    size.ws_col = columns;
    file = std::fopen(ptsname(master), "w");
    REQUIRE(file);
    ioctl(fileno(file), TIOCSWINSZ, &size);
    fcntl(master, F_SETFL, O_NONBLOCK);
  }
  ~Terminal() {
    std::fclose(file);
    close(master);
  }
  std::string text() const {
    std::string out;
    char buffer[4096];
    for (ssize_t n; (n = read(master, buffer, sizeof buffer)) > 0;)
      out.append(buffer, static_cast<std::size_t>(n));
    return out;
  }
  int master;
  std::FILE* file;
};

}  // namespace

TEST_CASE("progress: numbers and times") {
  CHECK(with_commas(0) == "0");
  CHECK(with_commas(999) == "999");
  CHECK(with_commas(1000) == "1,000");
  CHECK(with_commas(1234567) == "1,234,567");
  CHECK(with_commas(-123456) == "-123,456");
  CHECK(clock_text(0) == "0:00");
  CHECK(clock_text(67.2) == "1:07");
  CHECK(clock_text(3723) == "1:02:03");
  CHECK(clock_text(-1) == "0:00");
}

TEST_CASE("progress: elsewhere than on a terminal, ten lines a stage") {
  Plain out;
  double now = 100;
  {
    Progress progress(2000, "titles", out.file, [&] { return now; });
    for (const char* stage : {"epoch 1/2", "epoch 2/2"}) {
      progress.begin_stage(stage, 1000);
      for (int i = 0; i < 250; ++i) {
        now += 0.0101;
        progress.advance(4, {{"loss", "0.5"}});
      }
    }
  }
  std::string text = out.text();
  CHECK(std::count(text.begin(), text.end(), '\n') == 20);
  CHECK(
      text.starts_with("epoch 1/2   10%  loss 0.5  396 titles/s  0:05 left\n"
                       "epoch 1/2   20%  loss 0.5  396 titles/s  0:05 left\n"));
  CHECK(text.ends_with("epoch 2/2  100%  loss 0.5  396 titles/s  0:05\n"));
  CHECK(text.find_first_of("\r\x1b") == std::string::npos);
}

TEST_CASE("progress: a stage that was broken off shows its last state once") {
  Plain out;
  {
    Progress progress(1000, "rows", out.file, [] { return 0.0; });
    progress.begin_stage("first", 1000);
    progress.advance(100, {{"loss", "2"}});
    progress.advance(50, {{"loss", "1"}});
    progress.begin_stage("second", 0);
  }
  CHECK(out.text() == "first   10%  loss 2\nfirst   15%  loss 1\n");
}

TEST_CASE("progress: a terminal's line is redrawn at most ten times a second") {
  Terminal out(100);
  double now = 0;
  {
    Progress progress(1000, "titles", out.file, [&] { return now; });
    progress.begin_stage("epoch 1/1", 1000);
    for (int i = 0; i < 1000; ++i) {
      now += 0.001;
      progress.advance(1, {{"loss", "0.25"}, {"accuracy", "75 %"}});
    }
  }
  std::string text = out.text();
  auto draws = std::count(text.begin(), text.end(), '\r') - 1;  // the terminal itself turns \n into \r\n
  CHECK(draws >= 10);
  CHECK(draws <= 12);
  CAPTURE(text);
  CHECK(text.find("\repoch 1/1 [========>           ]   4") != std::string::npos);
  CHECK(text.ends_with(
      "\repoch 1/1 [====================]  100%  loss 0.25  accuracy 75 %  1,000 titles/s  0:01     \r\n"));
}

TEST_CASE("progress: a line never exceeds the terminal and covers a longer one before it") {
  Terminal out(25);
  double now = 0;
  Progress progress(100, "titles", out.file, [&] { return now += 1; });
  progress.begin_stage("epoch 1/1", 100);
  progress.advance(10, {{"loss", "0.25"}});
  CHECK(out.text() == "\repoch 1/1 [>     ]   10%");
  progress.begin_stage("e", 10);
  CHECK(out.text() == "\repoch 1/1 [>     ]   10%\r\n");
  progress.advance(1, {});
  CHECK(out.text() == "\re   10%  2 titles/s");
}

TEST_CASE("progress: 80 columns show loss, accuracy, speed and the time left") {
  Terminal out(80);
  double now = 0;
  Progress progress(132055, "titles", out.file, [&] { return now; });
  progress.begin_stage("epoch 1/5", 26411);
  now = 1;
  progress.advance(10412, {{"loss", "2.4485"}, {"accuracy", "26.7 %"}});
  CHECK(out.text() == "\repoch 1/5 [=> ]   39%  loss 2.4485  accuracy 26.7 %  10,412 titles/s  0:12 left");
}

TEST_CASE("progress: a shorter line leaves nothing of the one before") {
  Terminal out(100);
  Progress progress(10, "rows", out.file, [] { return 0.0; });
  progress.begin_stage("s", 10);
  progress.advance(5, {{"field", "long value"}});
  out.text();
  progress.advance(5, {});
  progress.end_stage();
  CHECK(out.text() == "\rs [====================]  100%                  \r\n");
}
