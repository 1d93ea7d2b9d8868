// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace rondo::runtime {

/// Shows how a long job gets on. On a terminal one line is redrawn, at most ten times a second:
///     epoch 2/5 [=========>          ]  47%  loss 0.8122  accuracy 74.1 %  10,412 titles/s  0:07 left
/// and shortened to the terminal's width, the bar first.
/// Elsewhere plain lines without the bar are written, about ten for each stage. The bar is that of the stage;
/// the speed and the time left are those of the whole job. The last line of a stage stays.
class Progress {
 public:
  /// What is shown beside the bar: {"loss", "0.8122"}.
  struct Field {
    std::string name, value;
  };

  /// A job of `total` items, which are called `unit`. `seconds` is a clock that never goes back.
  Progress(std::int64_t total, std::string unit, std::FILE* out = stderr,
           std::function<double()> seconds = steady_seconds);
  ~Progress() { end_stage(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Ends the stage before, if any, and begins one of `items`.
  void begin_stage(std::string name, std::int64_t items);

  /// `items` more are done; `fields` replace those shown.
  void advance(std::int64_t items, std::vector<Field> fields);

  /// Shows the stage's last state and leaves its line. Also done by begin_stage and the destructor.
  void end_stage();

  static double steady_seconds();

 private:
  double fraction() const;
  std::vector<std::string> figures() const;
  std::string text(int width) const;
  void show_line(bool last);
  void show_plain();

  const std::int64_t total_;
  const std::string unit_;
  std::FILE* const out_;
  const std::function<double()> seconds_;
  const bool terminal_;
  const double started_;

  std::string stage_;
  std::int64_t stage_items_ = 0, stage_done_ = 0, done_ = 0;
  std::vector<Field> fields_;
  bool in_stage_ = false, stale_ = false;
  double next_draw_ = 0;     // terminal: not before this time
  std::size_t drawn_ = 0;    // terminal: characters on the line
  std::int64_t tenths_ = 0;  // elsewhere: tenths of the stage already told
};

/// 10412 as "10,412".
std::string with_commas(std::int64_t value);

/// 67.2 as "1:07", 3723 as "1:02:03".
std::string clock_text(double seconds);

}  // namespace rondo::runtime
