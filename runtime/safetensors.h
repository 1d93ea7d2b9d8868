// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <map>
#include <string>

#include "runtime/array.h"

namespace rondo::runtime {

/// Named arrays and texts, as a safetensors file holds them. Names and texts are UTF-8; no tensor is called
/// "__metadata__", and metadata keys that begin "rondo.xxh64." belong to the file.
struct TensorFile {
  std::map<std::string, Array> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads a safetensors file (F32, F64, BF16, I32, I64 and BOOL become f32, f64, bf16, i32, i64 and i1) as a
/// copy. The whole header is checked against the file's length before memory is taken, so a hostile file
/// costs no more than its own length; checksums that write_safetensors left are compared and dropped. Throws
/// Failure with the file's name, the byte, what was expected and what was found.
TensorFile read_safetensors(const std::string& path);

/// Writes the file as replace_file does: the old one or the new one, never a mixture. Tensors stand by
/// falling alignment, then name; the header is padded to 8 bytes; metadata "rondo.xxh64.<tensor>" hold XXH64
/// (seed 0) of each tensor's bytes in 16 hex digits. The same content gives the same bytes. Throws Failure.
void write_safetensors(const std::string& path, const TensorFile& file);

}  // namespace rondo::runtime
