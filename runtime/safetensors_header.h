// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/array.h"

namespace rondo::runtime {

/// A header may not be longer; the format's own limit.
inline constexpr std::uint64_t kMostHeaderBytes = 100'000'000;

/// The header text starts here, after its length.
inline constexpr std::uint64_t kHeaderStart = 8;

/// A tensor as the header tells it: its data are the bytes [begin, end) of the data section.
struct TensorEntry {
  std::string name;
  ElementType type{};
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;
};

struct SafetensorsHeader {
  std::vector<TensorEntry> tensors;  ///< in the order of their data
  std::map<std::string, std::string> metadata;
};

/// The JSON header of a safetensors file whose data section has `data_size` bytes. What it returns was
/// checked: keys are unique, each span has exactly the bytes that type and shape need, and the spans tile the
/// data section without hole, overlap or rest. Throws Failure, "byte N: ..." with N counted from the start of
/// the file.
SafetensorsHeader parse_safetensors_header(std::string_view text, std::uint64_t data_size);

/// The JSON header, padded with blanks to a multiple of 8 bytes. Failure if a name or a text is not UTF-8.
std::string print_safetensors_header(const SafetensorsHeader& header);

}  // namespace rondo::runtime
