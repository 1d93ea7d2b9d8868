// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/passes/scans.h"

#include "tests/passes/programs.h"

namespace rondo::test {

namespace {

using Made = std::unique_ptr<Function>;
Made make() { return std::make_unique<Function>("f"); }

Value* matmul(Builder& b, Value* x, Value* w) { return b.dot(x, w, {1}, {0}); }

Made lstm(Dim T, bool reverse) {
  const Dim B("B");
  auto f = make();
  Value* x = f->add_param(f64[{T, B, 2}], "x");
  Value* w = f->add_param(f64[{2, 12}], "W");
  Value* u = f->add_param(f64[{3, 12}], "U");
  Value* bias = f->add_param(f64[{12}], "b");
  Value* h0 = f->add_param(f64[{B, 3}], "h");
  Value* c0 = f->add_param(f64[{B, 3}], "c");
  Builder b(f->body);
  const Values run =
      scan(b, T, {.over = {x}, .carry = {h0, c0}, .use = {w, u, bias}, .reverse = reverse},
           [&](Builder& b, const Step& s) {
             Value* zx = b.add(matmul(b, s.over[0], s.use[0]), b.broadcast(s.use[2], {1}, {B, 12}));
             const Values gates = b.split(b.add(zx, matmul(b, s.carry[0], s.use[1])), 1, {3, 3, 3, 3});
             Value* c =
                 b.add(b.mul(b.sigmoid(gates[1]), s.carry[1]), b.mul(b.sigmoid(gates[0]), b.tanh(gates[2])));
             Value* h = b.mul(b.sigmoid(gates[3]), b.tanh(c));
             return Yield{{h, c}, {h}};
           });
  f->body.results = {run[2], run[1]};
  return f;
}

// The weights themselves change from step to step.
Made carried_weights(Dim T) {
  auto f = make();
  Value* x = f->add_param(f64[{T, 3}], "x");
  Value* w = f->add_param(f64[{3, 3}], "w");
  Value* h = f->add_param(f64[{3}], "h");
  Builder b(f->body);
  const Values run = scan(b, T, {.over = {x}, .carry = {h, w}}, [](Builder& b, const Step& s) {
    Value* h = b.tanh(b.add(b.dot(s.carry[1], s.carry[0], {1}, {0}), s.over[0]));
    Value* outer = b.mul(b.broadcast(h, {0}, {3, 3}), b.broadcast(s.over[0], {1}, {3, 3}));
    return Yield{{h, b.add(b.mul(s.carry[1], b.like(s.carry[1], 0.5)), outer)}, {}};
  });
  f->body.results = run;
  return f;
}

// One weight twice in a step, bound twice, and used outside as well.
Made weights_used_twice(Dim T) {
  auto f = make();
  Value* x = f->add_param(f64[{T}], "x");
  Value* w = f->add_param(f64[{3, 3}], "w");
  Value* h = f->add_param(f64[{2, 3}], "h");
  Builder b(f->body);
  Value* before = matmul(b, h, w);
  const Values run =
      scan(b, T, {.over = {x}, .carry = {before}, .use = {w, w}}, [](Builder& b, const Step& s) {
        Value* y = b.tanh(b.mul(matmul(b, s.carry[0], s.use[0]), b.splat(s.over[0], f64[{2, 3}])));
        return Yield{{b.add(matmul(b, y, s.use[0]), matmul(b, y, s.use[1]))}, {y, y, y}};
      });
  f->body.results = {matmul(b, run[0], w), run[1], run[2], run[3]};
  return f;
}

// One value is over, initial carry (by a reduction) and used after; it is also stacked as it came.
Made over_and_initial(Dim T) {
  auto f = make();
  Value* x = f->add_param(f64[{T, 3}], "x");
  Builder b(f->body);
  Value* start = b.reduce_sum(x, {0});
  const Values run = scan(b, T, {.over = {x, x}, .carry = {start, start}}, [](Builder& b, const Step& s) {
    Value* y = b.mul(s.carry[0], b.erf(s.over[0]));
    return Yield{{y, b.add(s.carry[1], s.over[1])}, {s.over[1], s.carry[0], y}};
  });
  f->body.results = {b.mul(run[2], x), run[0], run[1], run[3], run[4]};
  return f;
}

// Carries that change places, one that is constant after the first step, an integer one, and the index.
Made odd_carries(Dim T) {
  const Dim B("B");
  auto f = make();
  Value* x = f->add_param(f64[{T, B}], "x");
  Value* a = f->add_param(f64[{B}], "a");
  Value* c = f->add_param(f64[{B}], "c");
  Value* n = f->add_param(i32[{}], "n");
  Builder b(f->body);
  const Values run =
      scan(b, T, {.over = {x}, .carry = {a, c, b.like(a, 2.0), n}}, [&](Builder& b, const Step& s) {
        Value* t = b.splat(b.convert(b.add(s.index, s.carry[3]), f64), f64[{B}]);
        Value* y = b.add(b.mul(s.carry[0], s.over[0]), b.mul(b.exp(b.neg(b.mul(s.carry[2], s.carry[2]))), t));
        Value* even = b.compare("eq", b.rem(s.index, b.like(s.index, 2)), b.like(s.index, 0));
        Value* chosen = b.select(b.broadcast(even, {}, {B}), y, s.carry[1]);
        return Yield{{s.carry[1], chosen, b.like(y, 0.5), b.add(s.carry[3], b.like(s.index, 1))},
                     {b.tanh(y)}};
      });
  f->body.results = {run[0], run[4], run[2]};
  return f;
}

// A row's own number of time steps, as the frontend writes it: selects on carries and stacks.
Made row_lengths(Dim T) {
  const Dim B("B");
  auto f = make();
  Value* x = f->add_param(f64[{T, B, 2}], "x");
  Value* lengths = f->add_param(i32[{B}], "len");
  Value* h = f->add_param(f64[{B, 2}], "h");
  Value* u = f->add_param(f64[{2, 2}], "u");
  Builder b(f->body);
  const Values run =
      scan(b, T, {.over = {x}, .carry = {h}, .use = {u, lengths}}, [&](Builder& b, const Step& s) {
        Value* live = b.compare("lt", b.broadcast(s.index, {}, {B}), s.use[1]);
        Value* mask = b.broadcast(live, {0}, {B, 2});
        Value* next = b.tanh(b.add(s.over[0], matmul(b, s.carry[0], s.use[0])));
        return Yield{{b.select(mask, next, s.carry[0])}, {b.select(mask, next, b.like(next, 0.0))}};
      });
  f->body.results = run;
  return f;
}

// A scan over columns within a scan over rows; the inner one's carry starts from the outer's, its stack is
// reused.
Made nested(Dim T, Dim N) {
  auto f = make();
  Value* x = f->add_param(f64[{T, N, 2}], "x");
  Value* w = f->add_param(f64[{2, 2}], "w");
  Value* h = f->add_param(f64[{2}], "h");
  Builder b(f->body);
  const Values run = scan(b, T, {.over = {x}, .carry = {h}, .use = {w}}, [&](Builder& b, const Step& s) {
    Value* scaled = b.tanh(s.over[0]);
    const Values inner =
        scan(b, N, {.over = {scaled}, .carry = {s.carry[0]}, .use = {s.use[0], s.carry[0]}, .reverse = true},
             [](Builder& b, const Step& s) {
               Value* y = b.tanh(b.add(b.dot(s.use[0], s.carry[0], {1}, {0}), b.mul(s.over[0], s.use[1])));
               return Yield{{y}, {b.mul(y, s.over[0])}};
             });
    return Yield{{b.add(inner[0], b.reduce_sum(inner[1], {0}))}, {inner[1], b.sigmoid(inner[0])}};
  });
  f->body.results = run;
  return f;
}

// Two layers in opposite directions, and a carry whose last value nobody asks for.
Made layers(Dim T) {
  const Dim B("B");
  auto f = make();
  Value* x = f->add_param(f64[{T, B, 2}], "x");
  Value* w = f->add_param(f64[{2, 2}], "w");
  Builder b(f->body);
  Value* zero = b.constant(f64[{B, 2}], 0.0);
  const Body cell = [](Builder& b, const Step& s) {
    Value* h = b.tanh(b.add(s.over[0], matmul(b, s.carry[0], s.use[0])));
    return Yield{{h}, {h}};
  };
  const Values first = scan(b, T, {.over = {x}, .carry = {zero}, .use = {w}}, cell);
  const Values second =
      scan(b, T, {.over = {first[1]}, .carry = {first[0]}, .use = {w}, .reverse = true}, cell);
  f->body.results = {second[1]};
  return f;
}

}  // namespace

std::vector<NamedFunction> scan_functions(Dim T) {
  std::vector<NamedFunction> all;
  all.push_back({"lstm", lstm(T, false)});
  all.push_back({"lstm reverse", lstm(T, true)});
  all.push_back({"carried weights", carried_weights(T)});
  all.push_back({"weights used twice", weights_used_twice(T)});
  all.push_back({"over and initial", over_and_initial(T)});
  all.push_back({"odd carries", odd_carries(T)});
  all.push_back({"row lengths", row_lengths(T)});
  all.push_back({"nested", nested(T, Dim("N"))});
  all.push_back({"nested, constant within", nested(T, 3)});
  all.push_back({"layers", layers(T)});
  return all;
}

}  // namespace rondo::test
