// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// precision: gives dots of f32 operands of bf16. Sums stay f32, and so does all that is kept from step to step.
//
// Before:  %h = scan T .. carry(%h = %h0) use(%u = %U) {        %U: f32[128,512]
//            %z = dot %h, %u contract([1],[0]) : f32[B,512]
// After:   %0 = convert %U : bf16[128,512]
//          %h = scan T .. carry(%h = %h0) use(%u = %U, %0 = %0) {
//            %1 = convert %h : bf16[B,128]
//            %z = dot %1, %0 contract([1],[0]) : f32[B,512]
//
// Legal:   where the user asks for it: operands are rounded to 8 bits, and a dot of bf16 adds by pairs and takes what lies
//          below the normal numbers for zero. In double precision, where the interpreter rounds nothing, the function
//          computes the same bits. After vjp: before it, cotangents would be rounded, too. Bodies of `rows` ops stay as
//          they are.
// A loss:  on a machine that has no instruction for it; then what it saves is memory traffic of weights. In the blocks of
//          a cond or a while, what comes from outside is rounded in each run of the block.
// Needs:   hoist and sink before it, so that weights come by `use` and are rounded once a training step. Feeds
//          canonicalise with values that are rounded more than once.
#include "passes/passes.h"
#include "passes/relayout.h"

namespace rondo::passes {

namespace {

bool round_operands(Relayout& layout, ir::Builder& b, ir::Op& dot) {
  if (dot.operands[0]->type.dtype != f32) return false;
  b.loc = dot.loc;
  dot.loc = dot.loc.via("precision");
  for (const int i : {0, 1})
    dot.operands[i] = layout.laid_out(b, dot.operands[i], "bf16", [](ir::Builder& b, ir::Value* value) {
      b.loc = b.loc.via("precision");
      return b.convert(value, bf16);
    });
  return true;
}

}  // namespace

bool precision(ir::Function& function) { return change_dots(function, round_operands); }

}  // namespace rondo::passes
