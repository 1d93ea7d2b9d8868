// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/error_word.h"

extern "C" void rondo_record_error(rondo::runtime::ErrorWord* word, std::int64_t op,
                                   std::int64_t position) noexcept {
  word->record(op, position);
}
