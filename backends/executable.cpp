// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/executable.h"

#include "ir/op_row.h"

namespace rondo::backends {

RecordedError recorded_error(const ir::Function& function, int64_t op, int64_t position) {
  const ir::Op* found = nullptr;
  int64_t number = 0;
  ir::for_each_op(function.body, [&](const ir::Op& each) {
    if (number++ == op) found = &each;
  });
  if (found == nullptr) throw InternalError("@" + function.name + " has no op number " + std::to_string(op));
  const std::string place = ir::place_of(*found) + ": " + found->row->name + ": ";
  if (found->has_attr("message"))
    return RecordedError(place + found->text_attr("message") + " (at position " + std::to_string(position) +
                         ")");
  return RecordedError(place + "the index at position " + std::to_string(position) + " of " +
                       found->operands[1]->type.text() + " is out of range for dim " +
                       std::to_string(found->int_attr("axis")) + " of " + found->operands[0]->type.text());
}

}  // namespace rondo::backends
