// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Names, strings and strange bytes, as the text form of the language writes them.
namespace rondo::ir {

/// The longest name of a value, a function or a symbol, in bytes.
inline constexpr size_t kMaxIdentifier = 255;

/// True for a name that the text form can carry after `%` or `@`: letters, digits, '_' and '.', not too long.
bool is_identifier(std::string_view name);
/// The nearest identifier: other characters become '_'. Empty stays empty.
std::string to_identifier(std::string_view name);

/// The length of the valid UTF-8 character that begins at `at`; 0 if there is none.
size_t utf8_length(std::string_view text, size_t at);

/// In quotes, with what is no printable text written as `\"`, `\\`, `\n`, `\t` or `\x1b`.
std::string quoted(std::string_view bytes);

/// For messages: escaped as in a string, and cut after `limit` bytes.
std::string excerpt(std::string_view bytes, size_t limit = 60);

/// `1 result`, `2 results`.
std::string counted(size_t n, const std::string& noun);

}  // namespace rondo::ir
