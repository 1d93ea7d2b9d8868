// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>
#include <map>

#include "backends/llvm/bound.h"
#include "ir/error.h"

namespace rondo::codegen {

namespace {

std::string text(const backends::Signature& signature, std::span<runtime::Array* const> args) {
  Sizes sizes = signature.bind(args);
  for (const ir::DerivedSize& size : signature.derived) sizes.erase(size.name);
  std::string text;
  for (const auto& [symbol, value] : sizes)
    text += (text.empty() ? "" : ", ") + symbol + "=" + std::to_string(value);
  return text.empty() ? "it" : "with " + text + " it";
}

// Tries numbers. As a number of pieces grows, the memory that they take shrinks with a piece, until what is kept for each
// of them outweighs it.
class Choice {
 public:
  Choice(const BindTable& table, const backends::Signature& signature, std::span<runtime::Array* const> args,
         std::uint64_t memory_limit)
      : table_(table), signature_(signature), args_(args), limit_(memory_limit) {
    for (const ir::DerivedSize& size : signature.derived)
      if (size.chosen) names_.push_back(size.name);
  }

  std::shared_ptr<const Bound> run() {
    if (fits(0)) return bound(0);
    if (!names_.empty()) {
      std::int64_t below = 0, most = 1;
      while (most < kMost && !fits(most) && bytes(most) / 2 <= bytes(best_)) below = most, most *= 2;
      if (!fits(most)) most = least_up_to(4 * best_), below = 0;
      if (fits(most)) return bound(first_fit(below, most));
    }
    throw Error("@" + signature_.function + ": " + text(signature_, args_) + " would take " +
                std::to_string(bytes(best_)) + " bytes of memory or more, the limit is " +
                std::to_string(limit_));
  }

 private:
  static constexpr std::int64_t kMost = std::int64_t{1} << 30, kNear = 16;

  std::shared_ptr<const Bound> bound(std::int64_t number) {
    std::shared_ptr<const Bound>& bound = tried_[number];
    if (bound != nullptr) return bound;
    Sizes chosen;
    for (const std::string& name : names_) chosen[name] = number;
    bound = std::make_shared<const Bound>(table_, signature_, args_, chosen);
    if (bound->total_bytes < tried_.at(best_)->total_bytes) best_ = number;
    return bound;
  }
  std::uint64_t bytes(std::int64_t number) { return bound(number)->total_bytes; }
  bool fits(std::int64_t number) { return bytes(number) <= limit_; }

  // The number that takes least, as far as that is known: sizes that are rounded make the bytes go up and down, and pieces
  // that leave no rest may take less than others of nearly their size, however many there are. So many numbers are tried,
  // further and further from one another, and then those next to the best.
  std::int64_t least_up_to(std::int64_t most) {
    for (std::int64_t number = 1; number < most; number += 1 + number / 16) bytes(number);
    const std::int64_t best = best_;
    for (std::int64_t number = std::max<std::int64_t>(0, best - kNear); number <= best + kNear; ++number)
      bytes(number);
    return best_;
  }

  // `below` does not fit, `most` does.
  std::int64_t first_fit(std::int64_t below, std::int64_t most) {
    while (most - below > 1) {
      const std::int64_t middle = below + (most - below) / 2;
      (fits(middle) ? most : below) = middle;
    }
    return most;
  }

  const BindTable& table_;
  const backends::Signature& signature_;
  const std::span<runtime::Array* const> args_;
  const std::uint64_t limit_;
  std::vector<std::string> names_;  // of what is chosen
  std::map<std::int64_t, std::shared_ptr<const Bound>> tried_;
  std::int64_t best_ = 0;  // of those tried
};

}  // namespace

std::shared_ptr<const Bound> bind(const BindTable& table, const backends::Signature& signature,
                                  std::span<runtime::Array* const> args, std::uint64_t memory_limit) {
  return Choice(table, signature, args, memory_limit).run();
}

}  // namespace rondo::codegen
