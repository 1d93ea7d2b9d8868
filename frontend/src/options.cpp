// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/src/options.h"

#include <cmath>

#include "frontend/src/trace.h"

namespace rondo::detail {

void check_option(bool holds, const std::string& function, const std::string& option,
                  const std::string& expected, double found, Loc loc) {
  if (!holds)
    fail(loc, function + ": " + option + " must be " + expected + ", found " + ir::Number(found).text(f64));
}

void check_not_negative(const std::string& function, const std::string& option, double value, Loc loc) {
  check_option(value >= 0 && std::isfinite(value), function, option, "finite and 0 or more", value, loc);
}

void check_fraction(const std::string& function, const std::string& option, double value, Loc loc) {
  check_option(value >= 0 && value < 1, function, option, "0 or more and below 1", value, loc);
}

void check_positive(const std::string& function, const std::string& option, double value, Loc loc) {
  check_option(value > 0 && std::isfinite(value), function, option, "finite and above 0", value, loc);
}

void check_count(const std::string& function, const std::string& option, int64_t value, Loc loc) {
  if (value < 1) fail(loc, function + ": " + option + " must be 1 or more, found " + std::to_string(value));
}

}  // namespace rondo::detail
