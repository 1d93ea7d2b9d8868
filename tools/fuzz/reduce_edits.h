// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <vector>

#include "ir/graph.h"

// Ways to make a program smaller. None keeps what it computes; each leaves a function that may verify, or
// throws, or says that it has nothing to do.
namespace rondo::fuzz {

/// The graphs of a function, each before those of its ops. A clone has them in the same order.
std::vector<ir::Graph*> graphs_of(ir::Function& function);

/// A new parameter of the function as a value of the graph: it comes in through the `use` lists of the ops
/// around it.
ir::Value* fresh(ir::Graph& graph, const Type& type);

/// What may take the place of an op's result.
enum class StandIn { kFirstOperand, kLastOperand, kEarlier, kFresh };

/// Takes ops [begin, end) out of the graph. False if a result that is used finds no stand-in.
bool remove_ops(ir::Graph& graph, size_t begin, size_t end, StandIn stand_in);

/// Makes result i of the graph one of the operands that it is computed from. False if it is a carry.
bool shift_result(ir::Graph& graph, size_t i, size_t operand);

// Of a scan.

/// Carry i stays what it is at first, and comes in by `use`.
void drop_carry(ir::Op& scan, size_t i);
/// Over i becomes a parameter of the function, the same in each time step.
void drop_over(ir::Op& scan, size_t i);
/// Users of stack i get a parameter of the function instead.
void drop_stack(ir::Op& scan, size_t i);

// Of any op with regions.

/// One run of a block takes the op's place. What it gets besides the op's operands are parameters of the
/// function then; stacks are the step's values over and over. A block that does not give the op's results may
/// be taken in the function's body only, which then returns what it gives.
void inline_block(ir::Op& op, size_t block);

// Of the whole function.

/// Removes parameters that nothing uses, but those that tell a symbol's value.
bool drop_unused_params(ir::Function& function);
/// Uses one parameter for another of its type.
bool merge_params(ir::Function& function, size_t from, size_t into);
/// The function with each dim of the size `from`, in types and attributes, made `to`, and all other types inferred
/// again. Throws Error if that does not fit.
std::unique_ptr<ir::Function> with_dim(const ir::Function& function, int64_t from, int64_t to);
/// Constant sizes of 2 and more that occur in types of parameters and in attributes, the greatest first.
std::vector<int64_t> constant_dims(const ir::Function& function);

}  // namespace rondo::fuzz
