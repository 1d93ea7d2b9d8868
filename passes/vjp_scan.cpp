// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The vjp of a scan is a scan with `reverse` flipped; nothing is re-indexed.
//
// Before:  %hT, %ys = scan T index(%t) over(%x = %xs) carry(%h = %h0) use(%w = %W) {
//            ...  yield carry(%h1) stack(%h1) }
// After:   %hT, %ys, %hs = scan T index(%t) over(..) carry(..) use(..) {
//            ...  yield carry(%h1) stack(%h1, %h) }          %h, a residual: the carry before the step
//          %dh0, %dW, %dxs = scan T reverse index(%t) over(%dy = %dys, %h = %hs, %x = %xs)
//              carry(%dh = %dhT, %aw = -0.0) use(%w = %W) {
//            ...  yield carry(%dh_before, %aw + %dw) stack(%dx) }         %dw a dot: it goes on from %aw, from +0
//
//   a cotangent of a stack is over          a cotangent of an over is stacked
//   a cotangent of a carry is carried       a cotangent of a use is summed in a carry, from -0.0 (or +0)
//
// Residuals, the forward values that the transposed body reads: those that the forward scan receives (over,
// use, index) are received again; those that it stacks are over; cheap ones (row.cheap) are computed again
// from others; all else gets a stack. Operands and yields are visited from last to first, as the walk over
// the unrolled copies would.
#include <algorithm>

#include "ir/batch.h"
#include "ir/op_row.h"
#include "ir/scan.h"
#include "ir/scan_builder.h"
#include "passes/transposer.h"

namespace rondo::passes {

using namespace ir;

namespace {

class ScanTranspose : public ForwardValues {
 public:
  ScanTranspose(Op& op, Transposer& outer)
      : op_(op),
        scan_(op),
        outer_(outer),
        transposed_(outer.builder.function(), outer.builder.loc),
        builder_(transposed_.b()),
        inner_(builder_, outer.activity, *this) {
    for (size_t i = 0; i < scan_.stacks(); ++i) stacks_.emplace(scan_.stack_yield(i), scan_.stack_result(i));
  }

  void run() {
    transposed_.index()->name = scan_.index()->name;
    enter_yields();
    inner_.run(*scan_.body, scan_.body->ops.size());
    yield_carries();
    yield_uses();
    yield_overs();
    Op* op = transposed_.emit(outer_.builder, scan_.length(), !scan_.reverse(), carry_yields_, stack_yields_);
    if (scan_.op->has_attr("unroll")) op->set_attr("unroll", {Dim(scan_.op->int_attr("unroll"))});
    leave(op);
  }

  Value* find(Value* forward) override;

 private:
  bool active(const Value* value) const { return outer_.activity.has_cotangent(value); }
  bool is_carried(size_t i) const { return active(scan_.carry_param(i)) || active(scan_.carry_result(i)); }

  void enter_yields();
  void yield_carries();
  void yield_uses();
  void yield_overs();
  void leave(Op* transposed);

  bool is_recomputed(const Value* value) const {
    return value->op != nullptr && value->op->row->cheap && !stacks_.contains(value);
  }
  void recompute(const Op& op);
  Value* receive(Value* value);
  Value* stack_of(Value* value);

  Op& op_;
  Scan scan_;
  Transposer& outer_;
  ScanBuilder transposed_;
  Builder& builder_;  // of its body
  Transposer inner_;

  Values carry_yields_, stack_yields_;
  std::unordered_map<const Value*, Value*> found_;   // forward value in the body -> its stand-in
  std::unordered_map<const Value*, Value*> stacks_;  // yielded value -> stack of the forward scan
};

// Cotangents come in where values go out: the last stack first, then the carries.
void ScanTranspose::enter_yields() {
  std::vector<std::pair<Value*, Value*>> yields;  // and their cotangents, in listed order
  for (size_t i = 0; i < scan_.carry.size(); ++i) {
    if (!is_carried(i)) continue;
    Value* param =
        transposed_.carry(outer_.cotangent_or_zero(scan_.carry_result(i)), "d" + scan_.carry_param(i)->name);
    yields.emplace_back(scan_.carry_yield(i), param);
  }
  for (size_t i = 0; i < scan_.stacks(); ++i) {
    Value* d = outer_.cotangent(scan_.stack_result(i));
    if (d == nullptr) continue;
    Value* yield = scan_.stack_yield(i);
    yields.emplace_back(yield, transposed_.over(d, "d" + yield->name));
  }
  for (size_t i = yields.size(); i-- > 0;) inner_.add(yields[i].first, yields[i].second);
}

void ScanTranspose::yield_carries() {
  for (size_t i = 0; i < scan_.carry.size(); ++i)
    if (is_carried(i)) carry_yields_.push_back(inner_.cotangent_or_zero(scan_.carry_param(i)));
}

void ScanTranspose::yield_uses() {
  for (size_t i = 0; i < scan_.use.size(); ++i) {
    const Value* param = scan_.use_param(i);
    if (!active(param)) continue;
    Value* first = outer_.builder.constant(param->type, inner_.is_product(param) ? 0.0 : -0.0);
    carry_yields_.push_back(
        inner_.add_to(transposed_.carry(first, "d" + param->name), param, !scan_.reverse()));
  }
}

void ScanTranspose::yield_overs() {
  for (size_t i = 0; i < scan_.over.size(); ++i)
    if (active(scan_.over_param(i))) stack_yields_.push_back(inner_.cotangent_or_zero(scan_.over_param(i)));
}

// Cotangents of the operands, from the last operand to the first.
void ScanTranspose::leave(Op* transposed) {
  std::vector<std::pair<Value*, Value*>> operands;  // and their cotangents, in listed order
  int next_carry = 0, next_stack = static_cast<int>(carry_yields_.size());
  for (size_t i = 0; i < scan_.over.size(); ++i) {
    if (!active(scan_.over_param(i))) continue;
    operands.emplace_back(scan_.over[i], transposed->result(next_stack++));
    if (!scan_.reverse()) outer_.set_backwards(operands.back().second);
  }
  for (size_t i = 0; i < scan_.carry.size(); ++i)
    if (is_carried(i)) operands.emplace_back(scan_.carry[i], transposed->result(next_carry++));
  for (size_t i = 0; i < scan_.use.size(); ++i)
    if (active(scan_.use_param(i))) operands.emplace_back(scan_.use[i], transposed->result(next_carry++));
  for (size_t i = operands.size(); i-- > 0;) outer_.add(operands[i].first, operands[i].second);
}

// Chains of cheap ops may be long: what is missing is kept on a stack of our own.
Value* ScanTranspose::find(Value* forward) {
  Values pending = {forward};
  while (!pending.empty()) {
    Value* value = pending.back();
    const size_t before = pending.size();
    if (!found_.contains(value)) {
      if (!is_recomputed(value)) {
        found_[value] = receive(value);
      } else {
        for (Value* operand : value->op->operands)
          if (!found_.contains(operand)) pending.push_back(operand);
        if (pending.size() > before) continue;
        recompute(*value->op);
      }
    }
    pending.pop_back();
  }
  return found_.at(forward);
}

void ScanTranspose::recompute(const Op& op) {
  Values operands;
  for (const Value* operand : op.operands) operands.push_back(found_.at(operand));
  Op* copy = builder_.clone(op, std::move(operands));
  copy->loc = op.loc.via("vjp");
  for (size_t i = 0; i < op.results.size(); ++i) found_[op.results[i].get()] = copy->results[i].get();
}

Value* ScanTranspose::receive(Value* value) {
  if (value->op == nullptr) {
    if (value == scan_.index()) return transposed_.index();
    const size_t operand = value->index - 1;
    const bool is_over = operand < scan_.over.size();
    Value* outer = is_over || operand >= scan_.over.size() + scan_.carry.size()
                       ? outer_.forward.find(op_.operands[operand])
                       : nullptr;
    if (outer != nullptr)
      return is_over ? transposed_.over(outer, value->name) : transposed_.use(outer, value->name);
  }
  return transposed_.over(outer_.forward.find(stack_of(value)), value->name);
}

// The forward scan's stack of a value of its body, a new one if there is none.
Value* ScanTranspose::stack_of(Value* value) {
  Value*& stack = stacks_[value];
  if (stack == nullptr) {
    if (const std::string flaw = ir::batched_type(value->type, scan_.length()).flaw(); !flaw.empty())
      throw Error(place_of(op_) + ": vjp: a scan of " + scan_.length().text() +
                  " steps would have to keep %" + value->name + " of each: " + flaw +
                  "; nest fewer scans, or stop_gradient what needs no gradient");
    stack = add_stack(op_, value);
  }
  return stack;
}

}  // namespace

void transpose_scan(Op& op, Transposer& outer) { ScanTranspose(op, outer).run(); }

}  // namespace rondo::passes
