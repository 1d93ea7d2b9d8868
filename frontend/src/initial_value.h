// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "frontend/src/trace.h"
#include "rondo/array.h"

namespace rondo::detail {

/// What the weight `name` begins as, in weights made from `seed`.
Array initial_value(const std::string& name, const Variable& variable, const std::vector<int64_t>& shape,
                    uint64_t seed);

}  // namespace rondo::detail
