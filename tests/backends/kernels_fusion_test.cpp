// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <doctest/doctest.h>

#include "ir/fusion.h"
#include "passes/fusion_rules.h"
#include "tests/backends/kernel_bench.h"

using namespace rondo;
using namespace rondo::codegen;

namespace {

const Dim T("T"), B("B"), H("H");

void check_at_many_sizes(KernelBench& bench) {
  unsigned seed = 0;
  for (std::int64_t t : {0, 3})
    for (std::int64_t b : {0, 1, 2, 19})
      for (std::int64_t h : {0, 1, 15, 16, 17, 40}) bench.check({{"T", t}, {"B", b}, {"H", h}}, ++seed);
}

// The gates of an LSTM on the four quarters of z, and all that its gradient needs.
ir::Values lstm_forward(ir::Builder& b, const ir::Values& x, Dim hidden) {
  ir::Value* z = b.add(b.add(x[0], x[1]), b.broadcast(x[2], {1}, x[0]->type.dims));
  const ir::Values gates = b.split(z, 1, {hidden, hidden, hidden, hidden});
  ir::Value *i = b.rsqrt(gates[0]), *f = b.rsqrt(gates[1]), *g = b.neg(gates[2]), *o = b.rsqrt(gates[3]);
  ir::Value* c = b.fma(f, x[3], b.mul(i, g));
  ir::Value* h = b.mul(o, b.floor(c));
  ir::Value* live = b.broadcast(x[4], {0}, c->type.dims);
  return {b.select(live, h, x[5]), b.select(live, c, x[3]), i, f, g, o, live};
}

ir::Op* add_lstm_forward(KernelBench& bench, Dim rows, Dim hidden) {
  ir::Values operands = {bench.param(f32[{rows, 4 * hidden}]),
                         bench.param(f32[{rows, 4 * hidden}]),
                         bench.param(f32[{4 * hidden}]),
                         bench.param(f32[{rows, hidden}]),
                         bench.param(i1[{rows}]),
                         bench.param(f32[{rows, hidden}])};
  return make_fusion(bench.b, operands,
                     [&](ir::Builder& b, const ir::Values& x) { return lstm_forward(b, x, hidden); });
}

// Random ops on values of a few shapes, all of which can be read for an element of [T,B,H].
class RandomFusion {
 public:
  RandomFusion(ir::Builder& b, const ir::Values& params, unsigned seed)
      : b_(b), values_(params), random_(seed) {}

  ir::Values run(int ops) {
    for (int i = 0; i < ops; ++i) {
      ir::Value* value = draw_op();
      if (value != nullptr) values_.push_back(value);
    }
    ir::Values results;
    const std::vector<Dim> whole = {T, B, H};
    for (size_t i = values_.size(); i-- > 0 && results.size() < 3;)
      if (values_[i]->type.dims == whole && values_[i]->op != nullptr) results.push_back(values_[i]);
    if (results.size() == 3) {
      if (results[0]->type == results[1]->type) results.push_back(b_.concat({results[0], results[1]}, 1));
    } else {
      results = {b_.constant(f32[whole], 1)};
    }
    for (int i = 0; i < 3; ++i)
      if (ir::Value* total = draw_total(); total != nullptr) results.push_back(total);
    return results;
  }

 private:
  ir::Value* draw() { return values_[random_() % values_.size()]; }

  // Over some dims of a value that has an element for each of the loop; nullptr if a loop can't make it.
  ir::Value* draw_total() {
    ir::Values whole;
    for (ir::Value* value : values_)
      if (value->type.dims == std::vector<Dim>{T, B, H} && value->type.dtype != i1) whole.push_back(value);
    ir::Value* x = whole[random_() % whole.size()];
    std::vector<int64_t> dims;
    const unsigned chosen = 1 + random_() % 7;
    for (int64_t dim = 0; dim < 3; ++dim)
      if (chosen >> dim & 1) dims.push_back(dim);
    if (x->type.dtype == bf16 && dims != std::vector<int64_t>{2}) return nullptr;
    const unsigned kind = random_() % 3;
    return kind == 0 ? b_.reduce_sum(x, dims) : kind == 1 ? b_.reduce_max(x, dims) : b_.reduce_min(x, dims);
  }

  // Another value of the type, made from a parameter if there is none but x.
  ir::Value* draw_like(ir::Value* x) {
    ir::Values same;
    for (ir::Value* value : values_)
      if (value->type == x->type) same.push_back(value);
    return same[random_() % same.size()];
  }

  ir::Value* draw_op() {
    ir::Value* x = draw();
    const Type& type = x->type;
    switch (random_() % 11) {
      case 0:
        return type.dtype == i1 ? b_.not_(x) : b_.neg(x);
      case 1:
        return type.dtype == i1 ? b_.xor_(x, draw_like(x)) : b_.max(x, draw_like(x));
      case 2:
        return type.dtype == i1 ? b_.or_(x, draw_like(x)) : b_.mul(x, draw_like(x));
      case 10:  // often of a product, and yet two roundings
        return type.dtype == i1 ? b_.and_(x, draw_like(x)) : b_.add(x, draw_like(x));
      case 3:
        return b_.compare("lt", x, draw_like(x));
      case 4:
        return b_.convert(x, std::array{f32, f64, bf16, i32, i64, i1}[random_() % 6]);
      case 5:
        return draw_broadcast(x);
      case 6:
        return draw_part(x);
      case 7:
        return b_.select(draw_condition(x), x, draw_like(x));
      case 8:
        return type.dims.empty() || !type.dtype.is_int() ? b_.constant(type, 2)
                                                         : b_.iota(type, random_() % type.dims.size());
      default:
        return type.rank() == 3 ? b_.transpose(b_.transpose(x, {1, 0, 2}), {1, 0, 2})
                                : b_.reshape(b_.reshape(x, with_unit(type.dims)), type.dims);
    }
  }

  static std::vector<Dim> with_unit(std::vector<Dim> dims) {
    dims.insert(dims.begin(), 1);
    return dims;
  }

  ir::Value* draw_condition(ir::Value* x) {
    for (ir::Value* value : values_)
      if (value->type == x->type.with(i1) && random_() % 2 == 0) return value;
    return b_.compare("le", x, draw_like(x));
  }

  ir::Value* draw_broadcast(ir::Value* x) {
    const std::vector<Dim> whole = {T, B, H};
    std::vector<int64_t> dims;
    for (Dim dim : x->type.dims)
      for (size_t i = 0; i < whole.size(); ++i)
        if (whole[i] == dim) dims.push_back(static_cast<int64_t>(i));
    return dims.size() == x->type.dims.size() ? b_.broadcast(x, dims, whole) : nullptr;
  }

  ir::Value* draw_part(ir::Value* x) {
    const std::vector<Dim>& dims = x->type.dims;
    for (size_t i = 0; i < dims.size(); ++i)
      for (Dim part : {T, B, H})
        if (dims[i] == 2 * part) return b_.split(x, static_cast<int64_t>(i), {part, part})[random_() % 2];
    return nullptr;
  }

  ir::Builder& b_;
  ir::Values values_;
  std::mt19937 random_;
};

}  // namespace

TEST_CASE("fusion kernels: the cell of an LSTM, in place where it may") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    for (Dim hidden : {Dim(128), Dim(20), H}) add_lstm_forward(bench, B, hidden);
    bench.compile();
    check_at_many_sizes(bench);
    for (const auto& op : bench.function.body.ops) {
      CHECK(passes::may_write_in_place(*op, 5, 0));
      CHECK(passes::may_write_in_place(*op, 3, 1));
      CHECK_FALSE(passes::may_write_in_place(*op, 0, 0));  // another shape
      CHECK_FALSE(passes::may_write_in_place(*op, 5, 6));  // other elements
      for (auto [operand, result] : {std::pair{5, 0}, {5, 3}, {3, 1}})
        bench.check_in_place(*op, operand, result, {{"T", 1}, {"B", 5}, {"H", 21}}, 3);
    }
  }
}

TEST_CASE("fusion kernels: a concat of equal pieces is written in place of what it was split from") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    ir::Op* op = make_fusion(bench.b, {bench.param(f32[{B, 3 * H}]), bench.param(f32[{B, H}])},
                             [](ir::Builder& b, const ir::Values& x) -> ir::Values {
                               ir::Values parts = b.split(x[0], 1, {H, H, H});
                               for (ir::Value*& part : parts) part = b.mul(part, x[1]);
                               return {b.concat(parts, 1), b.add(parts[0], parts[2])};
                             });
    ir::Op* crossed = make_fusion(bench.b, {bench.param(f32[{B, 2 * H}])},
                                  [](ir::Builder& b, const ir::Values& x) -> ir::Values {
                                    const ir::Values parts = b.split(x[0], 1, {H, H});
                                    return {b.concat({parts[0], b.neg(parts[0])}, 1)};
                                  });
    CHECK(passes::may_write_in_place(*op, 0, 0));
    CHECK(passes::may_write_in_place(*op, 1, 1));
    CHECK(passes::may_write_in_place(*crossed, 0, 0));
    bench.compile();
    check_at_many_sizes(bench);
    for (std::int64_t h : {1, 16, 40}) {
      bench.check_in_place(*op, 0, 0, {{"T", 1}, {"B", 5}, {"H", h}}, 3);
      bench.check_in_place(*crossed, 0, 0, {{"T", 1}, {"B", 5}, {"H", h}}, 3);
    }
  }
}

TEST_CASE("fusion kernels: what is read elsewhere than it is written is not written in place") {
  KernelBench bench(select_target());
  ir::Op* shifted = make_fusion(bench.b, {bench.param(f32[{4, 4}])}, [](ir::Builder& b, const ir::Values& x) {
    return ir::Values{b.add(x[0], b.transpose(x[0], {1, 0}))};
  });
  CHECK_FALSE(passes::may_write_in_place(*shifted, 0, 0));
  ir::Value* twice = bench.param(f32[{4, 4}]);
  ir::Op* bound_twice = make_fusion(bench.b, {twice, twice}, [](ir::Builder& b, const ir::Values& x) {
    ir::Value* row = b.reshape(b.slice(x[1], {0, 0}, {4, 1}), {4});
    return ir::Values{b.add(x[0], b.broadcast(row, {1}, {4, 4}))};
  });
  CHECK_FALSE(passes::may_write_in_place(*bound_twice, 0, 0));
  // A total is known when all has been read, but begins before that.
  ir::Op* total = make_fusion(bench.b, {bench.param(f32[{4, 4}]), bench.param(f32[{4}])},
                              [](ir::Builder& b, const ir::Values& x) -> ir::Values {
                                ir::Value* product = b.mul(x[0], b.broadcast(x[1], {1}, {4, 4}));
                                return {product, b.reduce_sum(product, {0})};
                              });
  CHECK(passes::may_write_in_place(*total, 0, 0));
  CHECK_FALSE(passes::may_write_in_place(*total, 1, 1));
  CHECK_FALSE(passes::may_write_in_place(*bench.b.transpose(bench.param(f32[{4, 4}]), {1, 0})->op, 0, 0));
}

TEST_CASE("fusion kernels: which ops can stand in one") {
  KernelBench bench(select_target());
  ir::Builder& b = bench.b;
  ir::Value* x = bench.param(f32[{T, B, H}]);
  CHECK(passes::can_fuse(*b.exp(x)->op));
  CHECK(passes::can_fuse(*b.transpose(x, {1, 0, 2})->op));
  CHECK_FALSE(passes::can_fuse(*b.transpose(x, {0, 2, 1})->op));
  CHECK(passes::can_fuse(*b.reshape(x, {T, 1, B, H, 1})->op));
  CHECK_FALSE(passes::can_fuse(*b.reshape(x, {T * B, H})->op));
  CHECK(passes::can_fuse(*b.concat({x, x}, 0)->op));
  CHECK_FALSE(passes::can_fuse(*b.concat({x, bench.param(f32[{1, B, H}])}, 0)->op));
  CHECK(passes::can_fuse(*b.reduce_sum(x, {0})->op));
  CHECK(passes::iteration_dims(*b.reduce_sum(x, {0, 2})) == x->type.dims);
  CHECK_FALSE(
      passes::can_fuse(*b.reduce_sum(bench.param(f32[{B, 1}]), {0})->op));  // a chain of single elements
  CHECK_FALSE(passes::can_fuse(*b.reduce_sum(x, {})->op));
  CHECK_FALSE(passes::can_fuse(*b.argmax(x, 2)->op));
  ir::Value* half = bench.param(bf16[{T, B, H}]);
  CHECK(passes::can_fuse(*b.reduce_sum(half, {2})->op));
  CHECK_FALSE(passes::can_fuse(*b.reduce_sum(half, {1})->op));  // rounded at the end alone
  CHECK_FALSE(passes::can_fuse(*b.reduce_sum(half, {1, 2})->op));
  CHECK_FALSE(passes::can_fuse(*b.check(x, bench.param(i1[{}]), "m")->op));
  CHECK(passes::iteration_dims(*b.concat({x, x}, 0)) == x->type.dims);
}

TEST_CASE("fusion kernels: equal ones share a function, whatever their symbols") {
  KernelBench bench(select_target());
  add_lstm_forward(bench, B, 128);
  add_lstm_forward(bench, T, 128);
  add_lstm_forward(bench, B, 64);
  ir::Builder& b = bench.b;
  for (Dim rows : {B, T}) b.add(bench.param(f32[{rows, H}]), bench.param(f32[{rows, H}]));
  b.add(bench.param(f32[{B, B}]), bench.param(f32[{B, B}]));
  b.constant(f32[{B}], 0.0);
  b.constant(f32[{B}], -0.0);
  // A row of elements, as many as may be; but vectors without a rest are code of their own.
  for (Dim rows : {Dim(48), Dim(64), 16 * B}) b.exp(bench.param(f32[{rows, H}]));
  bench.compile();
  CHECK(bench.functions() == 6);
  check_at_many_sizes(bench);
}

TEST_CASE("fusion kernels: totals of rows of several blocks") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    for (Dim columns : {H, 16 * H, Dim(4112)})
      make_fusion(bench.b, {bench.param(f32[{B, columns}]), bench.param(f32[{B}])},
                  [&](ir::Builder& b, const ir::Values& x) -> ir::Values {
                    ir::Value* y = b.mul(x[0], b.broadcast(x[1], {0}, x[0]->type.dims));
                    return {b.reduce_sum(y, {1}), y, b.reduce_max(y, {1}), b.reduce_sum(y, {0, 1}),
                            b.reduce_min(y, {0})};
                  });
    bench.compile();
    for (std::int64_t h : {0, 1, 255, 256, 257, 4096, 8200}) bench.check({{"B", 3}, {"H", h}}, 5);
  }
}

TEST_CASE("fusion kernels: random ones") {
  for (const Target& target : supported_targets()) {
    KernelBench bench(target);
    for (unsigned seed = 0; seed < 20; ++seed) {
      ir::Values params;
      for (DType dtype : {f32, f64, bf16, i32, i64, i1})
        for (const std::vector<Dim>& dims : std::vector<std::vector<Dim>>{
                 {T, B, H}, {}, {H}, {T, H}, {T, B}, {B}, {T, B, 2 * H}, {2 * T, B, H}, {2 * B, H}})
          params.push_back(bench.param(dtype[dims]));
      make_fusion(bench.b, params,
                  [&](ir::Builder& b, const ir::Values& x) { return RandomFusion(b, x, seed).run(30); });
    }
    bench.compile();
    check_at_many_sizes(bench);
  }
}
