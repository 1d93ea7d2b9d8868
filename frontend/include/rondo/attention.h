// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "rondo/tensor.h"

// Attention over a memory of S time steps: keys [S, rows, key width] tell where to look, values [S, rows, value
// width] are what is seen. A query is one a row, [rows, query width], as in a cell of a scan, or one for each
// of T time steps, [T, rows, query width], all at once.
namespace rondo {

/// The mean of the values by weight, [rows, value width] or [T, rows, value width], and the weights, [rows, S]
/// or [T, rows, S], which sum to 1 along S, or are all 0 where a row's length is 0.
struct Attention {
  Tensor context, weights;
};

struct MemoryOptions {
  /// What is seen; without it, the keys.
  Tensor values = {};
  /// i32 or i64 [rows]: how many time steps of the memory each row has. Another length than 0 .. S is an error
  /// of the run.
  Tensor length = {};
};

namespace detail {

/// A memory that queries look into.
class Memory {
 public:
  /// `label` is what errors name it by.
  Memory(std::string label, const Tensor& keys, const Tensor& values, const Tensor& length, Loc loc);

  /// Throws Error unless a query fits the keys by its rank and rows.
  void check_query(const Tensor& query, Loc loc) const;
  /// scores [rows, S] or [T, rows, S].
  Attention look(const Tensor& scores) const;

 private:
  std::string label_;
  Tensor keys_, values_, mask_;  // mask_: i1[rows, S], or empty
};

}  // namespace detail

struct DotAttentionOptions {
  Tensor values = {}, length = {};  // as in MemoryOptions
  /// What scores are multiplied by; without it, 1 / sqrt(width). Luong's "dot" has 1.
  std::optional<double> scale = {};
};
/// Scores scale * query . key (Vaswani et al.: "Attention is all you need", 2017); query and keys have one
/// width. Throws Error where types do not fit.
Attention dot_attention(const Tensor& query, const Tensor& keys, DotAttentionOptions options = {},
                        Loc loc = {});

namespace nn {

/// Scores v . tanh(key W + query U + b) (Bahdanau, Cho, Bengio: "Neural machine translation by jointly learning
/// to align and translate", 2015). The keys are projected once, when it is made; W [key width, units], b
/// [units] and v [units] are declared then, U [query width, units] at the first query, all under `name.`,
/// uniform in +-1/sqrt(inputs).
class AdditiveAttention {
 public:
  AdditiveAttention(const std::string& name, int64_t units, const Tensor& keys, MemoryOptions options = {},
                    Loc loc = {});
  /// Throws Error where the query does not fit.
  Attention operator()(const Tensor& query, Loc loc = {}) const;

 private:
  detail::Memory memory_;
  std::string full_name_;
  int64_t units_;
  Loc loc_;
  Tensor projected_, v_;                                    // [S, rows, units], [units]
  std::shared_ptr<Tensor> U_ = std::make_shared<Tensor>();  // shared by copies
};
inline AdditiveAttention additive_attention(const std::string& name, int64_t units, const Tensor& keys,
                                            MemoryOptions options = {}, Loc loc = {}) {
  return {name, units, keys, options, loc};
}

/// Scores query . (key W), with `name.W` [key width, query width] uniform in +-1/sqrt(key width) (Luong, Pham,
/// Manning: "Effective approaches to attention-based neural machine translation", 2015, "general"). The keys
/// are projected once, when it is made.
class LuongAttention {
 public:
  LuongAttention(const std::string& name, int64_t query_width, const Tensor& keys, MemoryOptions options = {},
                 Loc loc = {});
  /// Throws Error where the query does not fit.
  Attention operator()(const Tensor& query, Loc loc = {}) const;

 private:
  detail::Memory memory_;
  std::string name_;
  Tensor projected_;  // [S, rows, query width]
};
inline LuongAttention luong_attention(const std::string& name, int64_t query_width, const Tensor& keys,
                                      MemoryOptions options = {}, Loc loc = {}) {
  return {name, query_width, keys, options, loc};
}

}  // namespace nn
}  // namespace rondo
