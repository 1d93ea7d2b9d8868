// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rondo {

/// Parts sequences into batches for one epoch, so that little is padded: sequences are sorted by length,
/// equally long ones in random order, and cut into runs of `batch_size` (the last may be shorter); then the
/// runs are shuffled. `lengths` are those of all sequences; each index into it stands in exactly one batch.
/// The order depends on the arguments alone: it is the same on every machine, and independent from one (seed,
/// epoch) to the next. Throws Error if `batch_size` is 0.
std::vector<std::vector<std::size_t>> batches_by_length(std::span<const std::int32_t> lengths,
                                                        std::size_t batch_size, std::uint64_t seed,
                                                        std::uint32_t epoch);

}  // namespace rondo
