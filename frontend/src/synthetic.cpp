// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/synthetic.h"

#include <algorithm>

#include "runtime/philox.h"

namespace rondo {

namespace {

constexpr int64_t kRows = 32, kWords = 8000, kLabels = 16, kPreferred = 20;
constexpr int64_t kShortest = 3, kLongest = 12;

// Draws one after another, from the seed alone.
class Draws {
 public:
  explicit Draws(uint64_t seed) : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)} {}
  int32_t below(int64_t n) {
    const uint64_t at = next_++;
    const auto bits =
        runtime::philox4x32({static_cast<uint32_t>(at), static_cast<uint32_t>(at >> 32), 0, 0}, key_);
    return static_cast<int32_t>(bits[0] % static_cast<uint64_t>(n));
  }

 private:
  std::array<uint32_t, 2> key_;
  uint64_t next_ = 0;
};

int32_t draw_word(Draws& draws, int32_t label) {
  if (draws.below(2) == 0) return static_cast<int32_t>(1 + label * kPreferred + draws.below(kPreferred));
  return 1 + draws.below(kWords - 1);
}

TitleBatch draw_batch(Draws& draws) {
  std::vector<int32_t> length(kRows), label(kRows);
  for (int64_t row = 0; row < kRows; ++row) {
    length[row] = static_cast<int32_t>(kShortest + draws.below(kLongest - kShortest + 1));
    label[row] = draws.below(kLabels);
  }
  const int64_t steps = *std::max_element(length.begin(), length.end());
  std::vector<int32_t> words(steps * kRows, 0);
  for (int64_t row = 0; row < kRows; ++row)
    for (int64_t t = 0; t < length[row]; ++t) words[t * kRows + row] = draw_word(draws, label[row]);
  return {Array::from({steps, kRows}, std::span<const int32_t>(words)),
          Array::from({kRows}, std::span<const int32_t>(length)),
          Array::from({kRows}, std::span<const int32_t>(label))};
}

}  // namespace

std::vector<TitleBatch> synthetic_titles(int64_t count, uint64_t seed) {
  Draws draws(seed);
  std::vector<TitleBatch> batches;
  for (int64_t i = 0; i < count; ++i) batches.push_back(draw_batch(draws));
  return batches;
}

}  // namespace rondo
