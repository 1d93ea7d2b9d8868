// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How the generator draws a stack of recurrent layers, with all that has made gradients of such layers wrong
// elsewhere: row lengths down to 0, both directions, weights that are used twice in a body or by two scans, carries
// that nothing but themselves depends on, integer carries, the state before a step stacked.
#include "tools/fuzz/generator.h"

namespace rondo::fuzz {

using namespace rondo::ir;

namespace {

constexpr int64_t kWidth = 3;  // of inputs and states alike, so that any weight fits any layer

}  // namespace

// Each layer reads [T,B,kWidth] and gives the same.
void Generator::add_layers(Place& place) {
  Builder& b = place.b;
  const DType dtype = options_.doubles ? f64 : f32;
  const Dim t("T"), rows("B");
  Value* x = of_type(place, dtype[{t, rows, kWidth}]);
  const auto weight = [&] { return new_param(place, dtype[{kWidth, kWidth}]); };
  Values weights = {weight()};
  // 0 to T of each row; anything that an i32 may be goes in.
  Value* drawn = b.and_(new_param(place, i32[{rows}]), b.constant(i32[{rows}], 0x7fff));
  Value* steps = b.splat(b.convert(b.dim(t + 1), i32), i32[{rows}]);
  Value* lengths = random_.chance(0.7) ? b.rem(drawn, steps) : nullptr;

  const int64_t layers = random_.between(1, 3);
  const bool reverse = random_.chance(0.5);
  for (int64_t layer = 0; layer < layers; ++layer) {
    if (random_.chance(0.7)) weights.push_back(weight());
    Value* w = random_.pick(weights);
    Value* u = random_.pick(weights);
    Value* out = add_layer(place, x, lengths, w, u, random_.chance(0.3) ? !reverse : reverse);
    if (random_.chance(0.4))
      out = b.add(out, add_layer(place, x, lengths, u, w, true));  // the other direction
    x = between_layers(place, out, random_.pick(weights));
    keep(place, x);
  }
}

// What is done with the output of a layer, at each time by itself: as it is, or hoisted dots, masks and bends.
Value* Generator::between_layers(Place& place, Value* x, Value* w) {
  Builder& b = place.b;
  const std::vector<Dim> dims = x->type.dims;
  for (int64_t i = random_.below(3); i > 0; --i) switch (random_.below(6)) {
      case 0:
        x = b.dot(x, w, {2}, {random_.below(2)});
        break;
      case 1:
        x = b.tanh(x);
        break;
      case 2:
        x = b.add(x, b.broadcast(of_type(place, {x->type.dtype, {kWidth}}), {2}, dims));
        break;
      case 3:
        x = b.select(b.broadcast(of_type(place, i1[{dims[0], dims[1]}]), {0, 1}, dims), x, b.like(x, 0));
        break;
      case 4:
        x = b.slice(b.concat({x, of_type(place, {x->type.dtype, {dims[0], dims[1], 2}})}, 2), {0, 0, 1},
                    {dims[0], dims[1], kWidth + 1});
        break;
      default:
        x = b.mul(x, b.broadcast(b.reduce_sum(x, {2}), {0, 1}, dims));
        break;
    }
  return x;
}

// h' = tanh(x W + h U), or a gate between h and that; a count of steps beside it, and at times a sum of its own.
Value* Generator::add_layer(Place& place, Value* x, Value* lengths, Value* w, Value* u, bool reverse) {
  const DType dtype = x->type.dtype;
  const Type state = dtype[{x->type.dims[1], kWidth}];
  Builder& outer = place.b;
  Values over = {x}, use = {w, u};
  Values carry = {of_type(place, state), outer.constant(i32[{x->type.dims[1]}], 0), outer.constant(state, 1)};
  if (lengths != nullptr) use.push_back(lengths);

  auto body = std::make_unique<Graph>(&outer.function());
  Place inner = inside(place, *body);
  Builder& b = inner.b;
  Value* time = body->add_param(i32[{}], "t");
  Value* xt = body->add_param(state, "x");
  bind(inner, carry, "h");
  bind(inner, use, "w");
  Value *h = inner.pool[0], *count = inner.pool[1], *lone = inner.pool[2], *wt = inner.pool[3],
        *ut = inner.pool[4];
  Value* z = b.add(b.dot(xt, wt, {1}, {0}), b.dot(h, ut, {1}, {0}));
  Value* next = b.tanh(z);
  if (random_.chance(0.5)) {  // U a second time
    Value* gate = b.sigmoid(b.dot(next, ut, {1}, {random_.below(2)}));
    next = b.add(b.mul(gate, h), b.mul(b.sub(b.like(gate, 1), gate), next));
  }
  Value* next_count = b.add(count, b.like(count, 1));
  Value* next_lone = b.mul(lone, b.like(lone, 0.5));  // depends on nothing but itself
  Value* stacked = random_.chance(0.3) ? h : next;
  if (lengths != nullptr) {
    Value* live = b.compare("lt", b.splat(time, i32[{x->type.dims[1]}]), inner.pool[5]);
    Value* mask = b.broadcast(live, {0}, state.dims);
    next = b.select(mask, next, h);
    stacked = b.select(mask, stacked, b.like(stacked, 0));
    next_count = b.select(live, next_count, count);
    if (random_.chance(0.7)) next_lone = b.select(mask, next_lone, lone);
  }
  body->results = {next, next_count, next_lone, stacked};

  std::vector<Attr> attrs = {make_attr(ops::scan, "length", {x->type.dims[0]})};
  if (reverse) attrs.push_back(make_attr(ops::scan, "reverse", {}));
  Values operands = over;
  operands.insert(operands.end(), carry.begin(), carry.end());
  operands.insert(operands.end(), use.begin(), use.end());
  std::vector<std::unique_ptr<Graph>> regions;
  regions.push_back(std::move(body));
  const std::vector<int> groups = {1, static_cast<int>(carry.size()), static_cast<int>(use.size())};
  Op* scan = outer.emit_region(ops::scan, operands, groups, attrs, std::move(regions), {});
  for (int i = 0; i < 3; ++i) keep(place, scan->result(i));
  return scan->result(3);
}

}  // namespace rondo::fuzz
