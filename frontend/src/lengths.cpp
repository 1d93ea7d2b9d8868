// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/src/lengths.h"

#include "frontend/src/trace.h"
#include "rondo/functions.h"

namespace rondo {

namespace detail {

Tensor checked_lengths(const std::string& op, const Tensor& length, Dim steps, Loc loc) {
  const Type type = length.type(loc);
  if (!type.dtype.is_int() || type.rank() != 1)
    fail(loc, op + ": length is i32 or i64 with one dim, the rows, found " + type.text());
  const Tensor inside = and_(length >= 0, length <= cast(dim(steps), type.dtype));
  return cast(check(length, inside, "a row's length lies outside 0 .. " + steps.text()), i32);
}

Tensor mask_of_lengths(const Tensor& lengths, Dim steps) {
  return iota(i32[{steps, lengths.dim(0)}], 0) < lengths;
}

}  // namespace detail

Tensor sequence_mask(const Tensor& length, Dim steps, Loc loc) {
  CalledFrom here(loc);
  return detail::mask_of_lengths(detail::checked_lengths("sequence_mask", length, steps, loc), steps);
}

}  // namespace rondo
