// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>

#include "ir/loc.h"

// Checks of what a user sets by number. NaN fails all of them.
namespace rondo::detail {

/// Throws Error unless `holds`: "sgd: momentum must be 0 or more, found -1.0".
void check_option(bool holds, const std::string& function, const std::string& option,
                  const std::string& expected, double found, Loc loc);

/// A finite number of 0 or more.
void check_not_negative(const std::string& function, const std::string& option, double value, Loc loc);
/// 0 or more, and below 1.
void check_fraction(const std::string& function, const std::string& option, double value, Loc loc);
/// A finite number above 0.
void check_positive(const std::string& function, const std::string& option, double value, Loc loc);
/// 1 or more.
void check_count(const std::string& function, const std::string& option, int64_t value, Loc loc);

}  // namespace rondo::detail
