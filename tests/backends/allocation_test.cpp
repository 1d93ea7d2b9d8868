// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#ifndef __SANITIZE_ADDRESS__  // which has operators of its own
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <new>
#include <utility>

#include "backends/onednn/dots.h"
#include "tests/backends/compiled.h"

// Every allocation of this thread is counted, in the whole test binary.
namespace {
thread_local long allocations = 0;
thread_local bool refuse = false;  // all of them

void* counted(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  if (refuse) throw std::bad_alloc();
  const std::size_t rounded = (std::max<std::size_t>(bytes, 1) + alignment - 1) / alignment * alignment;
  if (void* memory = std::aligned_alloc(alignment, rounded)) return memory;
  throw std::bad_alloc();
}

// Not inlined: g++ 12 would take it for a free() of what another `new` returned.
[[gnu::noinline]] void release(void* memory) { std::free(memory); }
}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, alignof(std::max_align_t)); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { release(memory); }
void operator delete(void* memory, std::size_t) noexcept { release(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { release(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { release(memory); }

using namespace rondo;
using namespace rondo::test;

TEST_CASE("a run with sizes that are known allocates its results and nothing else, however long it is") {
  const Compiled alone(kLstm, codegen::CompileOptions{}),
      shared(kLstm, codegen::CompileOptions{.threads = 3, .work_per_worker = 1});
  for (const auto& [lstm, T] : {std::pair{&alone, 2}, {&alone, 1000}, {&shared, 2}, {&shared, 1000}}) {
    Arrays arrays = lstm->draw({{"T", T}, {"B", 3}});
    std::vector<Array*> pointers;
    for (Array& array : arrays) pointers.push_back(&array);
    lstm->code->run(pointers);
    const long before = allocations;
    const Arrays results = lstm->code->run(pointers);
    const long in_run = allocations - before;
    CAPTURE(T);
    CHECK(in_run ==
          1 + 2 * static_cast<long>(results.size()));  // the list, and of each array shape and elements
  }
}

TEST_CASE("a dot is computed where oneDNN, which allocates while it runs, gets no memory") {
  const ir::Module module = ir::parse(R"(
func @f(%x: f32[2,3,4], %y: f32[3,2,4]) -> (f32[4,4]) {
  %z = dot %x, %y contract([0,1],[1,0])
  return %z
})",
                                      "test");
  const ir::Op& dot = *module.functions[0]->body.ops[0];
  const auto bound = onednn::dots().bind({backends::evaluate(backends::dot_loops(dot), {})});
  const auto run = bound->start();
  std::vector<float> x(24), y(24), with_memory(16), without(16);
  std::vector<std::byte> scratch(static_cast<size_t>(bound->scratch_bytes()));
  for (size_t i = 0; i < 24; ++i) x[i] = static_cast<float>(i), y[i] = static_cast<float>(5 - i);
  run->run(0, x.data(), y.data(), with_memory.data(), scratch.data());
  const long before = allocations;
  refuse = true;
  run->run(0, x.data(), y.data(), without.data(), scratch.data());
  refuse = false;
  CHECK(allocations > before);
  CHECK(without == with_memory);
}

#endif  // __SANITIZE_ADDRESS__
