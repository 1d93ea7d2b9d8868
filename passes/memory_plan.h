// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <vector>

#include "ir/op_row.h"
#include "ir/scan.h"

// What plan-memory decides and how it is written down. Every value has a place in a buffer, and every op
// carries the annotation `buffers([..])`: the number of one buffer a result. Buffers 0, 1, .. are the
// function's parameters. A result in the buffer of a parameter takes over a donated array.
//
// What is a view lies in the buffer of what it views, behind its begin, and is never what a graph returns.
//
// In a scan's body a buffer number that is one of the scan's stacks means its slot at the index, and one that
// is a carry's means where that carry's next value is to be written. An `over` is read at its slot, a `use`
// where it is. The scan carries a second annotation, `through([..])`: a buffer for each carry, see
// CarryRoute. In the blocks of a cond, the number of one of its results means that result. A while's carries are
// as a scan's, in place or alternating, but that how often they alternate is known only when it ends.
//
// Each worker that shares a `rows` op has memory of its own for what the body computes; a buffer number of a result
// means the worker's rows of it. The op carries the annotation `inside([..])`: for each operand the worker's buffer
// that gets a copy of its rows, or -1 if the body reads it where it is.
namespace rondo::passes {

/// How a carry gets from one time step to the next. Whatever the route, the initial carry's buffer is only
/// read (unless it is the result's own), and after the last step the value is in the result's buffer.
enum class CarryRoute {
  kInPlace,      // one buffer, the result's: each step reads and then overwrites it
  kAlternating,  // two buffers in turn: the result's and one that only this carry has
  kAfter,  // the slots of a stack that stacks the carry's next value: nothing is written for the carry itself
  kBefore,  // the slots of a stack that stacks the carry: each step writes the next step's slot
};

struct CarryPlan {
  CarryRoute route;
  int64_t buffer;   // of the result
  int64_t through;  // the same, the other one of two, or a stack's
  int stack = -1;   // which one, for kAfter and kBefore
};

/// The jobs that may run at the same time: the one that is op number `first` of a graph, and those behind it that read no
/// result of theirs. Just the op itself if that is no job.
std::vector<const ir::Op*> jobs_from(const ir::Graph& graph, size_t first);

/// True if the op's blocks are planned and run as graphs of their own, each once or, of a while, several times.
bool has_blocks(const ir::Op& op);
/// The regions whose ops run one by one: none of a fusion, which is one loop, nor the derivative of a call.
std::vector<ir::Graph*> running_blocks(const ir::Op& op);

/// Reads the annotations of a planned scan or while.
std::vector<CarryPlan> carry_plans(const ir::Op& scan);
/// The number of a result's buffer. InternalError if plan-memory has not run.
int64_t buffer_of(const ir::Value& result);

/// Which operands a `rows` op's body reads where they are, and which results it writes where they belong: of a cut one the
/// rows are one piece of memory, or pieces in the slots of what loops go over or stack, and only loops read them; or, of an
/// operand whose last dim is cut, one in each row of all, and only dots, sums and extremes read them.
struct RowsAccess {
  std::vector<bool> operands, results;
};
RowsAccess rows_access(const ir::Op& rows);
/// The dim along which each operand of a `rows` op, and each result, is cut; -1 of one that is whole.
ir::RowLink rows_dims(const ir::Op& rows);

/// The operand whose memory the op's only result shares (reshape, check, copies, a view), or -1.
int aliased_operand(const ir::Op& op);
/// True of a slice that takes whole rows, one behind the other: it may be a view of its operand. Where it is, the op carries
/// the annotation `view`.
bool takes_whole_rows(const ir::Op& op);
/// How many bytes behind its operand's begin such a slice begins.
Dim view_offset(const ir::Op& slice);

/// True if running the op, or one in its regions, may record an error.
bool can_record_error(const ir::Op& op);

/// A piece of memory, and when it holds something. Points in time count the ops in program order; an op with
/// a body is one point at its begin and one at its end.
struct Buffer {
  Dim bytes = 0;
  int64_t first = -1, last = -1;  // both included; -1 where nothing is ever kept
  int param = -1;                 // it is the array of this parameter
  int result = -1;                // it becomes the array of this result
  int rows = -1;  // each worker that shares this `rows` op, in program order, has one of its own
};

/// The buffers of a planned function, by number. Those that are neither a parameter's nor a result's may
/// share memory where their times do not meet.
std::vector<Buffer> planned_buffers(const ir::Function& function);

/// Proves that what every op, yield and return reads is still there: runs through the function (a body as
/// often as it takes) and keeps book of what each buffer and slot holds. Throws InternalError naming op and
/// buffer otherwise.
void check_plan(const ir::Function& function);

}  // namespace rondo::passes
