// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "ir/builder.h"
#include "tools/fuzz/random.h"

namespace rondo::fuzz {

struct GeneratorOptions {
  int ops = 24;          // about how many
  bool smooth = false;   // only what a finite difference may cross: no float decides a branch or an index
  bool whiles = true;    // may be drawn: they have a derivative forward only
  bool calls = true;     // may be drawn: they have one in reverse only
  double layers = 0.05;  // how often a program has recurrent layers, see add_layers
  bool ends_in_scan = false;  // the first result comes out of a scan
  bool doubles = false;       // f64 in place of other floats
  bool narrow = true;         // bf16 may be drawn
  double large = 0.06;        // how often a program has a large constant dim
  double dots = 0;            // how often an op is a dot, besides those that are drawn like other ops
};

/// Draws typed random functions from the op rows: element-wise rows as they are, the others each by a recipe
/// for its attributes. Symbols are T and B; every function passes the builder's checks. Some have a large dim,
/// but a run at small sizes of T and B takes at most kMaxWork. About half of them donate parameters.
class Generator {
 public:
  Generator(Random& random, GeneratorOptions options) : random_(random), options_(options) {}

  std::unique_ptr<ir::Function> make(const std::string& name);

  /// As work_of counts it.
  static constexpr double kMaxWork = 1.5e6;

  /// Rows that can be drawn; a test holds this against all rows.
  static bool can_draw(const ir::OpRow& row);

 private:
  // A graph that is being filled: its builder, the values to draw operands from, how deep it is nested.
  struct Place {
    ir::Builder b;
    ir::Values pool;
    int depth;
  };
  using Recipe = void (Generator::*)(Place&);
  static const std::vector<std::pair<const ir::OpRow*, Recipe>>& recipes();

  std::unique_ptr<ir::Function> draw(const std::string& name);
  void fill(Place& place, int begin, int end);
  void add_elementwise(Place& place, const ir::OpRow& row);
  void add_compare(Place& place);
  void add_convert(Place& place);
  void add_bitcast(Place& place);
  void add_broadcast(Place& place);
  void add_reshape(Place& place);
  void add_transpose(Place& place);
  void add_slice(Place& place);
  void add_pad(Place& place);
  void add_concat(Place& place);
  void add_split(Place& place);
  void add_reduce_sum(Place& place);
  ir::SumOrder sum_order(Place& place, const Type& result, int64_t dims);
  void add_reduce_max(Place& place);
  void add_reduce_min(Place& place);
  void reduce_extreme(Place& place, const ir::OpRow& row, ir::Value* x, int64_t dim);
  void add_argmax(Place& place);
  void add_dot(Place& place);
  void add_gather(Place& place);
  void add_scatter_add(Place& place);
  void add_scatter_set(Place& place);
  void add_scatter(Place& place, ir::Value* base,
                   ir::Value* (ir::Builder::*scatter)(ir::Value*, ir::Value*, ir::Value*, int64_t, int64_t));
  void add_topk(Place& place);
  void add_constant(Place& place);
  void add_iota(Place& place);
  void add_dim(Place& place);
  void add_check(Place& place);
  void add_scan(Place& place);
  void add_cond(Place& place);
  void add_while(Place& place);
  void add_call(Place& place);
  void add_large(Place& place);
  void add_layers(Place& place);
  ir::Value* between_layers(Place& place, ir::Value* x, ir::Value* w);
  ir::Value* add_layer(Place& place, ir::Value* x, ir::Value* lengths, ir::Value* w, ir::Value* u,
                       bool reverse);

  static Place inside(const Place& place, ir::Graph& graph);
  static void bind(Place& inner, const ir::Values& operands, const std::string& name);
  ir::Value* next_of(Place& inner, const Type& type);

  bool fits(const Type& type) const;
  Dim random_dim();
  std::vector<Dim> random_dims(int max_rank);
  DType random_dtype();
  DType allowed(DType type) const;
  ir::Value* any(Place& place);
  ir::Value* any_of(Place& place, bool (*suits)(const Type&));
  ir::Value* of_type(Place& place, const Type& type);
  ir::Value* fresh(Place& place, const Type& type);
  ir::Value* new_param(Place& place, const Type& type);
  ir::Value* indices(Place& place, const std::vector<Dim>& dims, Dim size);
  ir::Value* into(ir::Builder& b, ir::Value* x, double low, double high);
  ir::Value* far_from_step(ir::Builder& b, const ir::OpRow& row, ir::Value* x);
  ir::Value* far_from_tie(ir::Builder& b, const ir::OpRow& row, ir::Value* x, int64_t dim);
  void keep(Place& place, ir::Value* value);
  ir::Values unused(const Place& place, size_t most);

  Random& random_;
  GeneratorOptions options_;
  Dim derived_ = 1;    // a derived size, if this program has one
  Sizes typical_;      // such as the program may be run at
  int64_t large_ = 0;  // the large dim of this program; 0 if it has none
};

}  // namespace rondo::fuzz
