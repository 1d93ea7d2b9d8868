// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include "ir/builder.h"

namespace rondo::ir {

/// The math context (see ops/expansions.h) that writes IR: its twin ScalarMath evaluates the same calls on
/// one element.
class BuilderMath {
 public:
  explicit BuilderMath(Builder& b) : b_(b) {}

  Value* constant(Value* like, double value) { return b_.like(like, value); }
  Value* int_constant(Value* like, int64_t value) { return b_.like(like, value); }

  Value* add(Value* x, Value* y) { return b_.add(x, y); }
  Value* sub(Value* x, Value* y) { return b_.sub(x, y); }
  Value* mul(Value* x, Value* y) { return b_.mul(x, y); }
  Value* div(Value* x, Value* y) { return b_.div(x, y); }
  Value* min(Value* x, Value* y) { return b_.min(x, y); }
  Value* max(Value* x, Value* y) { return b_.max(x, y); }
  Value* fma(Value* x, Value* y, Value* z) { return b_.fma(x, y, z); }
  Value* neg(Value* x) { return b_.neg(x); }
  Value* abs(Value* x) { return b_.abs(x); }
  Value* sqrt(Value* x) { return b_.sqrt(x); }
  Value* floor(Value* x) { return b_.floor(x); }
  Value* ceil(Value* x) { return b_.ceil(x); }
  Value* round(Value* x) { return b_.round(x); }
  Value* sin(Value* x) { return b_.sin(x); }
  Value* cos(Value* x) { return b_.cos(x); }

  Value* eq(Value* x, Value* y) { return b_.compare("eq", x, y); }
  Value* ne(Value* x, Value* y) { return b_.compare("ne", x, y); }
  Value* lt(Value* x, Value* y) { return b_.compare("lt", x, y); }
  Value* le(Value* x, Value* y) { return b_.compare("le", x, y); }
  Value* gt(Value* x, Value* y) { return b_.compare("gt", x, y); }
  Value* ge(Value* x, Value* y) { return b_.compare("ge", x, y); }
  Value* select(Value* c, Value* x, Value* y) { return b_.select(c, x, y); }

  Value* and_(Value* x, Value* y) { return b_.and_(x, y); }
  Value* or_(Value* x, Value* y) { return b_.or_(x, y); }
  Value* xor_(Value* x, Value* y) { return b_.xor_(x, y); }
  Value* not_(Value* x) { return b_.not_(x); }
  Value* shl(Value* x, Value* y) { return b_.shl(x, y); }
  Value* shr(Value* x, Value* y) { return b_.shr(x, y); }

  Value* to_i32(Value* x) { return b_.convert(x, i32); }
  Value* to_i64(Value* x) { return b_.convert(x, i64); }
  Value* to_f32(Value* x) { return b_.convert(x, f32); }
  Value* to_f64(Value* x) { return b_.convert(x, f64); }
  Value* to_bf16(Value* x) { return b_.convert(x, bf16); }
  Value* bits(Value* x) { return b_.bitcast(x, i32); }
  Value* from_bits(Value* x) { return b_.bitcast(x, f32); }

 private:
  Builder& b_;
};

}  // namespace rondo::ir
