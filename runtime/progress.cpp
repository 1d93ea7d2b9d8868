// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

namespace rondo::runtime {
namespace {

constexpr double kRedrawSeconds = 0.1;
constexpr int kWidestBar = 20, kNarrowestBar = 3;
constexpr int kPlainWidth = 1000;

std::string two_digits(std::int64_t value) {
  return {static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)};
}

// " [==>  ]" with `width` characters between the brackets.
std::string bar(double fraction, int width) {
  int filled = static_cast<int>(fraction * width);
  std::string text = " [";
  text.append(static_cast<std::size_t>(filled), '=');
  if (filled < width) text.append(1, '>').append(static_cast<std::size_t>(width - filled - 1), ' ');
  return text + "]";
}

int columns(std::FILE* out) {
  winsize size{};
  return ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string with_commas(std::int64_t value) {
  std::string text = std::to_string(value);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > (value < 0 ? 1 : 0); at -= 3)
    text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string clock_text(double seconds) {
  auto whole = static_cast<std::int64_t>(std::llround(std::max(seconds, 0.0)));
  std::int64_t hours = whole / 3600, minutes = whole / 60 % 60;
  std::string start = hours ? std::to_string(hours) + ":" + two_digits(minutes) : std::to_string(minutes);
  return start + ":" + two_digits(whole % 60);
}

double Progress::steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Progress::Progress(std::int64_t total, std::string unit, std::FILE* out, std::function<double()> seconds)
    : total_(total),
      unit_(std::move(unit)),
      out_(out),
      seconds_(std::move(seconds)),
      terminal_(isatty(fileno(out)) == 1),
      started_(seconds_()) {}

void Progress::begin_stage(std::string name, std::int64_t items) {
  end_stage();
  stage_ = std::move(name);
  stage_items_ = items;
  stage_done_ = 0;
  tenths_ = 0;
  next_draw_ = 0;
  in_stage_ = true;
}

void Progress::advance(std::int64_t items, std::vector<Field> fields) {
  stage_done_ += items;
  done_ += items;
  fields_ = std::move(fields);
  stale_ = true;
  if (terminal_)
    show_line(false);
  else
    show_plain();
}

void Progress::end_stage() {
  if (!std::exchange(in_stage_, false)) return;
  if (terminal_)
    show_line(true);
  else if (stale_)
    show_plain();
  fields_.clear();
}

double Progress::fraction() const {
  return stage_done_ < stage_items_ ? static_cast<double>(stage_done_) / static_cast<double>(stage_items_)
                                    : 1;
}

// What stands behind the stage's name and the bar.
std::vector<std::string> Progress::figures() const {
  std::string percent = std::to_string(static_cast<int>(fraction() * 100));
  std::vector<std::string> figures = {std::string(5 - percent.size(), ' ') + percent + "%"};
  for (auto& [name, value] : fields_) figures.push_back("  " + name + " " + value);
  double elapsed = seconds_() - started_;
  if (elapsed > 0 && done_ > 0) {
    double rate = static_cast<double>(done_) / elapsed;
    figures.push_back("  " + with_commas(std::llround(rate)) + " " + unit_ + "/s");
    double left = static_cast<double>(total_ - done_) / rate;
    figures.push_back("  " + (done_ < total_ ? clock_text(left) + " left" : clock_text(elapsed)));
  }
  return figures;
}

// What fits `width`. The bar is as wide as the figures let it be; then figures are left out from the right.
std::string Progress::text(int width) const {
  std::string out = stage_.substr(0, static_cast<std::size_t>(width)), behind;
  auto room = [&] { return width - static_cast<int>(out.size() + behind.size()); };
  for (const std::string& figure : figures()) {
    if (static_cast<int>(figure.size()) > room()) break;
    behind += figure;
  }
  constexpr int kBrackets = 3;
  if (terminal_ && room() >= kNarrowestBar + kBrackets)
    out += bar(fraction(), std::min(kWidestBar, room() - kBrackets));
  return out + behind;
}

void Progress::show_line(bool last) {
  double now = seconds_();
  if (!last && now < next_draw_) return;
  next_draw_ = now + kRedrawSeconds;
  // One column less than there are: a full line would wrap on some terminals. Blanks cover a longer line
  // before.
  std::string line = text(columns(out_) - 1);
  std::size_t length = line.size();
  if (length < drawn_) line.append(drawn_ - length, ' ');
  std::fprintf(out_, "\r%s%s", line.c_str(), last ? "\n" : "");
  std::fflush(out_);
  drawn_ = last ? 0 : length;
}

void Progress::show_plain() {
  std::int64_t tenths = stage_items_ > 0 ? stage_done_ * 10 / stage_items_ : 10;
  if (in_stage_ && tenths <= tenths_) return;
  tenths_ = tenths;
  stale_ = false;
  std::fprintf(out_, "%s\n", text(kPlainWidth).c_str());
  std::fflush(out_);
}

}  // namespace rondo::runtime
