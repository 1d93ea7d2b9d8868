// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>

#include "ir/dim.h"

namespace rondo::tools {

/// What `--bind T=5,B=3` says. Throws CLI::ValidationError unless it gives each symbol once a size.
inline Sizes parse_sizes(std::string_view text) {
  Sizes sizes;
  for (size_t first = 0; first <= text.size();) {
    const size_t end = std::min(text.find(',', first), text.size());
    const std::string_view entry = text.substr(first, end - first);
    const size_t sign = std::min(entry.find('='), entry.size());
    const std::string_view digits = entry.substr(std::min(sign + 1, entry.size()));
    int64_t size = -1;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
    const bool whole = error == std::errc() && stop == digits.data() + digits.size() && size >= 0;
    if (sign == 0 || !whole || !sizes.emplace(entry.substr(0, sign), size).second)
      throw CLI::ValidationError(
          "--bind", "expected each size once, such as T=5,B=3; found '" + std::string(text) + "'");
    first = end + 1;
  }
  return sizes;
}

/// `T=5,B=3`, as parse_sizes reads it.
inline std::string sizes_text(const Sizes& sizes) {
  std::string text;
  for (const auto& [symbol, size] : sizes)
    text += (text.empty() ? "" : ",") + symbol + "=" + std::to_string(size);
  return text;
}

}  // namespace rondo::tools
