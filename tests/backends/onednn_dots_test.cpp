// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <dirent.h>
#include <dlfcn.h>
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <thread>

#include "backends/onednn/dots.h"
#include "backends/onednn/matmul.h"
#include "backends/signature.h"
#include "ir/builder.h"
#include "tests/backends/guarded.h"
#include "tools/fuzz/random.h"

using namespace rondo;
using ir::HostArray;

namespace {

const Dim T("T"), B("B"), H("H"), K("K");

constexpr double kEpsilon = std::numeric_limits<float>::epsilon();

double norm(const HostArray& x) {
  double sum = 0;
  for (int64_t i = 0; i < x.size(); ++i) sum += std::pow(static_cast<double>(x.data<float>()[i]), 2);
  return std::sqrt(sum);
}

double distance(const HostArray& x, const HostArray& y) {
  double sum = 0;
  for (int64_t i = 0; i < x.size(); ++i)
    sum += std::pow(static_cast<double>(x.data<float>()[i]) - y.data<float>()[i], 2);
  return std::sqrt(sum);
}

HostArray allocate(const Type& type, const Sizes& sizes) {
  return {type.dtype, backends::shape_of(type, sizes)};
}

/// Dots of one function, each run by itself as oneDNN has it.
class DotBench {
 public:
  ir::Function function{"dots"};
  ir::Builder b{function.body};

  ir::Value* param(const std::vector<Dim>& dims) { return function.add_param(f32[dims]); }
  const ir::Op& op(size_t i) const { return *function.body.ops[i]; }
  size_t size() const { return function.body.ops.size(); }

  /// What oneDNN gives; all memory lies right before or behind memory that must not be touched.
  static HostArray run(const ir::Op& dot, const HostArray& x, const HostArray& y, const Sizes& sizes,
                       bool at_end = true) {
    const auto bound = onednn::dots().bind({backends::evaluate(backends::dot_loops(dot), sizes)});
    HostArray result = allocate(dot.result()->type, sizes);
    Guarded<float> guarded_x(x.size(), at_end), guarded_y(y.size(), at_end), guarded(result.size(), at_end);
    Guarded<std::byte> scratch((bound->scratch_bytes() + 63) / 64 * 64, true);
    std::copy_n(x.data<float>(), x.size(), guarded_x.data());
    std::copy_n(y.data<float>(), y.size(), guarded_y.data());
    std::fill(guarded.begin(), guarded.end(), NAN);
    bound->start()->run(0, guarded_x.data(), guarded_y.data(), guarded.data(), scratch.data());
    std::copy(guarded.begin(), guarded.end(), result.data<float>());
    return result;
  }

  static HostArray interpret(const ir::Op& dot, const HostArray& x, const HostArray& y, const Sizes& sizes) {
    std::vector<HostArray> out = {allocate(dot.result()->type, sizes)};
    const HostArray* in[] = {&x, &y};
    ir::ErrorRecord error;
    dot.row->evaluate({dot, in, out, sizes, 0, error});
    return out[0];
  }

  /// Compares the two on normal numbers: they may be 4 eps max(1, ceil(log2 K)) apart in the L2 norm, of the
  /// result or, where its sums cancel, of what sums of so many products of so large numbers have on average.
  static void check(const ir::Op& dot, const Sizes& sizes, fuzz::Random& random) {
    HostArray in[] = {allocate(dot.operands[0]->type, sizes), allocate(dot.operands[1]->type, sizes)};
    for (HostArray& array : in)
      for (int64_t i = 0; i < array.size(); ++i) array.data<float>()[i] = static_cast<float>(random.normal());
    const HostArray expected = interpret(dot, in[0], in[1], sizes);
    const HostArray found = run(dot, in[0], in[1], sizes, random.chance(0.5));
    int64_t chain = 1;
    for (int64_t dim : dot.ints_attr("contract", 0)) chain *= in[0].shape[static_cast<size_t>(dim)];
    double usual = 0;
    if (expected.size() > 0 && chain > 0)
      usual = norm(in[0]) * norm(in[1]) *
              std::sqrt(static_cast<double>(expected.size() * chain) / static_cast<double>(in[0].size()) /
                        static_cast<double>(in[1].size()));
    const double tolerance = 4 * kEpsilon * std::max(1.0, std::ceil(std::log2(std::max<double>(1, chain))));
    std::string text = dot.operands[0]->type.text() + " . " + dot.operands[1]->type.text();
    for (const auto& [symbol, size] : sizes) text += " " + symbol + "=" + std::to_string(size);
    CAPTURE(text);
    CHECK(distance(found, expected) <= tolerance * std::max(norm(expected), usual));
  }
};

// Every place of batch, free and contracted dims.
void add_all_forms(DotBench& bench) {
  ir::Builder& b = bench.b;
  const auto x = [&](const std::vector<Dim>& dims) { return bench.param(dims); };
  b.dot(x({B, K}), x({K, H}), {1}, {0});
  b.dot(x({K, B}), x({K, H}), {0}, {0});
  b.dot(x({B, K}), x({H, K}), {1}, {1});
  b.dot(x({K, B}), x({H, K}), {0}, {1});
  b.dot(x({T, B, K}), x({K, H}), {2}, {0});
  b.dot(x({T, B, K}), x({T, B, H}), {0, 1}, {0, 1});
  b.dot(x({T, B, K}), x({T, B, H}), {1, 0}, {1, 0});
  b.dot(x({T, B, K}), x({B, T, H}), {0, 1}, {1, 0});  // what is contracted does not run on
  b.dot(x({T, K, B}), x({T, H, B}), {0, 2}, {0, 2});
  b.dot(x({T, B, K}), x({T, K, H}), {2}, {1}, {0}, {0});
  b.dot(x({B, T, K}), x({T, H, K}), {2}, {2}, {1}, {0});
  b.dot(x({B, K, T}), x({K, H, T}), {1}, {0}, {2}, {2});  // no stride is 1
  b.dot(x({T, B, K, H}), x({T, H, K, B}), {2}, {2}, {0}, {0});
  b.dot(x({K, H}), x({K}), {0}, {0});
  b.dot(x({K}), x({K, H}), {0}, {0});
  b.dot(x({T, K}), x({K, B, H}), {1}, {0});
  b.dot(x({T, K}), x({B, K, H}), {1}, {1});
  b.dot(x({T, K, B}), x({K, H}), {1}, {0});
  b.dot(x({B}), x({H}), {}, {});
  b.dot(x({B, H}), x({}), {}, {});
  b.dot(x({B}), x({B}), {}, {}, {0}, {0});
  // In the order of a reduction.
  b.dot(x({K}), x({K}), {0}, {0});
  b.dot(x({B, K}), x({K}), {1}, {0});
  b.dot(x({T, B, K}), x({B, K}), {2}, {1}, {1}, {0});
  b.dot(x({B, T, K}), x({B, K}), {2}, {1}, {0}, {0});
  b.dot(x({B, K}), x({B, K}), {1}, {1}, {0}, {0});
}

// How many products there are.
double work(const ir::Op& dot, const Sizes& sizes) {
  double work = 1;
  for (Dim dim : dot.result()->type.dims) work *= static_cast<double>(dim.evaluate(sizes));
  for (int64_t k : dot.ints_attr("contract", 0))
    work *= static_cast<double>(dot.operands[0]->type.dims[static_cast<size_t>(k)].evaluate(sizes));
  return work;
}

int threads_of_process() {
  DIR* folder = opendir("/proc/self/task");
  REQUIRE(folder != nullptr);
  int count = 0;
  while (const dirent* entry = readdir(folder)) count += entry->d_name[0] != '.';
  closedir(folder);
  return count;
}

HostArray array(const std::vector<int64_t>& shape, const std::vector<float>& elements) {
  HostArray result(f32, shape);
  std::copy(elements.begin(), elements.end(), result.data<float>());
  return result;
}

}  // namespace

TEST_CASE("oneDNN: every form of a dot at sizes of 0, 1 and others") {
  DotBench bench;
  add_all_forms(bench);
  fuzz::Random random(1);
  for (std::int64_t t : {0, 1, 3})
    for (std::int64_t b : {0, 1, 7})
      for (std::int64_t h : {0, 1, 16, 37})
        for (std::int64_t k : {0, 1, 5, 20})
          for (size_t i = 0; i < bench.size(); ++i)
            bench.check(bench.op(i), {{"T", t}, {"B", b}, {"H", h}, {"K", k}}, random);
}

TEST_CASE("oneDNN: 1,000 random shapes") {
  DotBench bench;
  add_all_forms(bench);
  const std::vector<int64_t> sizes = {1,  2,  3,  4,  5,   7,   8,   13,  16,  17,  31,  33,
                                      47, 48, 64, 65, 100, 127, 129, 200, 257, 300, 1000};
  fuzz::Random random(2);
  for (int checked = 0; checked < 1000;) {
    const ir::Op& dot = bench.op(static_cast<size_t>(random.below(static_cast<int64_t>(bench.size()))));
    const Sizes drawn = {{"T", random.pick(sizes)},
                         {"B", random.pick(sizes)},
                         {"H", random.pick(sizes)},
                         {"K", random.pick(sizes)}};
    if (work(dot, drawn) > 1e6) continue;
    bench.check(dot, drawn, random);
    ++checked;
  }
}

TEST_CASE("oneDNN: infinities, NaN and denormals") {
  DotBench bench;
  bench.b.dot(bench.param({B, K}), bench.param({K, H}), {1}, {0});
  const ir::Op& dot = bench.op(0);
  fuzz::Random random(3);
  const std::vector<float> special = {INFINITY, -INFINITY, NAN, -0.0f};
  for (int draw = 0; draw < 200; ++draw) {
    const Sizes sizes = {
        {"B", random.between(1, 20)}, {"K", random.between(1, 40)}, {"H", random.between(1, 40)}};
    HostArray in[] = {allocate(dot.operands[0]->type, sizes), allocate(dot.operands[1]->type, sizes)};
    for (HostArray& x : in)
      for (int64_t i = 0; i < x.size(); ++i)
        x.data<float>()[i] = random.chance(0.03) ? random.pick(special) : static_cast<float>(random.normal());
    const HostArray expected = DotBench::interpret(dot, in[0], in[1], sizes);
    const HostArray found = DotBench::run(dot, in[0], in[1], sizes);
    bool same = true;
    for (int64_t i = 0; i < expected.size(); ++i) {
      const float x = expected.data<float>()[i], y = found.data<float>()[i];
      same = same && std::isnan(x) == std::isnan(y) && (std::isinf(x) ? x == y : !std::isinf(y));
    }
    CHECK(same);
  }
  // Not flushed to zero: neither operands nor products nor sums.
  for (const int64_t n : {1, 3, 64}) {
    const Sizes sizes = {{"B", n}, {"K", 2}, {"H", n}};
    const std::vector<float> tiny(static_cast<size_t>(2 * n), 1e-39f), half(static_cast<size_t>(2 * n), 0.5f);
    const HostArray found = DotBench::run(dot, array({n, 2}, tiny), array({2, n}, half), sizes);
    for (int64_t i = 0; i < n * n; ++i) CHECK(found.data<float>()[i] == 1e-39f);
  }
}

TEST_CASE("oneDNN stays on the thread that calls it, and leaves the caller's OpenMP as it was") {
  DotBench bench;
  bench.b.dot(bench.param({B, K}), bench.param({K, H}), {1}, {0});
  const Sizes sizes = {{"B", 300}, {"K", 300}, {"H", 300}};
  const HostArray x = allocate(bench.op(0).operands[0]->type, sizes), y = x;
  DotBench::run(bench.op(0), x, y, sizes);  // libdnnl is loaded now, and with it OpenMP
  void* openmp = dlopen("libgomp.so.1", RTLD_NOW | RTLD_NOLOAD);
  REQUIRE(openmp != nullptr);
  const auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(openmp, "omp_set_num_threads"));
  const auto threads = reinterpret_cast<int (*)()>(dlsym(openmp, "omp_get_max_threads"));
  const int before = threads(), running = threads_of_process();
  set_threads(4);
  DotBench::run(bench.op(0), x, y, sizes);
  CHECK(threads() == 4);
  CHECK(threads_of_process() == running);
  set_threads(before);
  dlclose(openmp);
}

TEST_CASE("oneDNN: kernels are made once for a shape, as long as something uses them") {
  DotBench bench;
  bench.b.dot(bench.param({B, K}), bench.param({K, H}), {1}, {0});
  bench.b.dot(bench.param({B, T}), bench.param({T, H}), {1}, {0});
  const auto bind = [&](int64_t t, int64_t k) {
    const Sizes sizes = {{"B", 71}, {"H", 73}, {"T", t}, {"K", k}};
    return onednn::dots().bind({backends::evaluate(backends::dot_loops(bench.op(0)), sizes),
                                backends::evaluate(backends::dot_loops(bench.op(1)), sizes)});
  };
  auto both = bind(79, 83);
  CHECK(both->kernels_made() == 2);
  CHECK(bind(79, 83)->kernels_made() == 0);
  CHECK(bind(79, 89)->kernels_made() == 1);
  both = nullptr;
  CHECK(bind(97, 97)->kernels_made() == 1);  // both dots have one shape
  CHECK(bind(79, 83)->kernels_made() == 2);
}

TEST_CASE("oneDNN: plain loops compute what a primitive computes") {
  fuzz::Random random(4);
  for (int draw = 0; draw < 100; ++draw) {
    onednn::MatmulShape s = {.batch = random.between(1, 3),
                             .M = random.between(1, 9),
                             .N = random.between(1, 20),
                             .K = random.between(1, 20)};
    s.a_row = random.chance(0.5) ? s.K : 1;
    s.a_k = s.a_row == 1 ? s.M : 1;
    s.a_batch = random.chance(0.7) ? s.M * s.K : 0;
    s.b_k = random.chance(0.5) ? s.N : 1;
    s.b_column = s.b_k == 1 ? s.K : 1;
    s.b_batch = s.a_batch == 0 || random.chance(0.7) ? s.K * s.N : 0;
    s.c_row = s.N + random.between(0, 3);
    s.c_batch = s.M * s.c_row;
    s.accumulate = random.chance(0.5);
    std::vector<float> a(static_cast<size_t>(s.batch * s.M * s.K)),
        b(static_cast<size_t>(s.batch * s.K * s.N)), c(static_cast<size_t>(s.batch * s.c_batch));
    for (std::vector<float>* x : {&a, &b, &c})
      for (float& element : *x) element = static_cast<float>(random.between(-4, 4));  // sums are exact
    std::vector<float> plain = c;
    const onednn::Matmul matmul(s);
    std::vector<std::byte> scratchpad(static_cast<size_t>(matmul.scratchpad_bytes()));
    const onednn::OneThread one_thread;
    CHECK(onednn::MatmulCall(matmul).run(a.data(), b.data(), c.data(), scratchpad.data()));
    onednn::multiply_plainly(s, a.data(), b.data(), plain.data());
    CHECK(c == plain);
  }
}
