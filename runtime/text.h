// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rondo::runtime {

/// `text` between single quotes, fit to be printed: whatever is not printable ASCII, and the quote and the
/// backslash, as \xNN; at most 80 bytes of it, then "...". Names that come from files go to a terminal only
/// through this.
std::string quoted(std::string_view text);

/// `text` fit to be printed as lines: control characters but the newline, and bytes that are no UTF-8, as \xNN.
/// A terminal takes no orders from what stood in a file.
std::string printable(std::string_view text);

/// Index of the first byte that does not belong to well-formed UTF-8 (no overlong forms, surrogates or code
/// points beyond U+10FFFF), or text.size() if all do. Source: Unicode Standard, table 3-7.
std::size_t first_invalid_utf8(std::string_view text);

}  // namespace rondo::runtime
