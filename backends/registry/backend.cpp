// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/registry/backend.h"

#include <algorithm>
#include <array>

#include "backends/llvm/executable.h"
#include "backends/onednn/dots.h"
#include "backends/reference/interpreter.h"

namespace rondo::backends {

namespace {

template <class T>
const T* find(std::span<const T> list, std::string_view name) {
  const auto found =
      std::find_if(list.begin(), list.end(), [&](const T& entry) { return entry.name == name; });
  return found == list.end() ? nullptr : &*found;
}

}  // namespace

std::span<const Backend> all_backends() {
  static constexpr std::array<Backend, 2> backends = {{
      {"llvm", "machine code, made once for all sizes", true, true,
       [](const ir::Function& function, const Dots& dots, int threads, std::int64_t memory,
          const passes::PassRunner::Options& passes) {
         codegen::CompileOptions options = {.threads = threads, .passes = passes};
         if (dots.library != nullptr) options.dots = &dots.library();
         if (memory > 0)
           options.memory_limit = std::min(options.memory_limit, static_cast<std::uint64_t>(memory));
         return codegen::compile(function, options);
       }},
      {"reference", "the interpreter that judges the others: slow, plain, right", false, false,
       [](const ir::Function& function, const Dots&, int, std::int64_t, const passes::PassRunner::Options&) {
         return reference::interpret(function);
       }},
  }};
  return backends;
}

const Backend* find_backend(std::string_view name) { return find(all_backends(), name); }

std::span<const Dots> all_dots() {
  static constexpr std::array<Dots, 2> dots = {{
      {"llvm", "the backend's own, with the bits that the language defines", nullptr},
      {"onednn", "matmul primitives of oneDNN for f32; their bits are their own", onednn::dots},
  }};
  return dots;
}

const Dots* find_dots(std::string_view name) { return find(all_dots(), name); }

}  // namespace rondo::backends
