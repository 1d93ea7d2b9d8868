// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <array>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/error.h"
#include "ir/graph.h"
#include "ir/host_array.h"
#include "ir/ops/scalar_math.h"

// One row per op: everything that Rondo knows of an op stands in its row, in one of the files ir/ops/*.def.
// Printer, parser, builder, verifier, interpreter, differentiation, code generation, the random generator and
// the reference manual read rows; nothing lists the ops a second time.
namespace rondo::ir {

class Builder;
class BuilderMath;

/// What kind of op this is; it orders the manual and tells passes which ops work element by element.
enum class Family { kElementwise, kShape, kReduce, kContraction, kIndexed, kMake, kError, kRegion };

/// Evaluates n elements: in[i] and out are arrays of the op's element types.
using Kernel = void (*)(const void* const* in, void* out, int64_t n) noexcept;

/// Writes one element's arithmetic as primitive ops (the pass expand-math does this).
using Expand = Value* (*)(BuilderMath& math, Value* const* x);

/// What an element-wise op does to one element, for each element type that it takes (that of its last
/// operand).
struct ElementMath {
  int arity = 0;
  bool first_is_condition = false;  // the first operand is i1 whatever the others are (select)
  std::array<Kernel, DType::kCount> kernels = {};
  std::array<DType, DType::kCount> results = {f32, f64, bf16, i32, i64, i1};
  std::array<Expand, DType::kCount> expand = {};  // null where the op is primitive or a call of its kernel

  bool takes(DType dtype) const { return kernels[dtype.id()] != nullptr; }
};

/// The values around an op that a derivative may use. Asking for one is what makes it a residual, so ask for
/// few.
class Primals {
 public:
  virtual ~Primals() = default;
  virtual Value* operand(int i) = 0;
  virtual Value* result(int i = 0) = 0;
};

/// The partial derivative of an element-wise op as a linear map: d -> d * (dy / dx_i). jvp and vjp both apply
/// it.
using Partial = Value* (*)(Builder& b, Value* d, Primals& p);

/// The transpose of a (multi-)linear op with respect to operand i: cotangents of the results (nullptr where
/// there is none; never all) -> cotangent of the operand.
using Transpose = Value* (*)(Builder& b, const Op& op, Primals& p, int i, const Values& cotangents);

/// The transpose of an op that is linear in all of its operands together, which jvp then applies to tangents as it
/// stands: cotangent of the result -> cotangents of the operands that are `wanted`, nullptr for the others.
using JointTranspose = Values (*)(Builder& b, const Op& op, const std::vector<bool>& wanted,
                                  Value* cotangent);

/// Weights w of a reduction y = f(x) with dy = sum(w * dx): w has x's shape.
using Weights = Value* (*)(Builder& b, const Op& op, Primals& p);

/// Operands of an op, some with one dim more than it asks for, in front: what it takes at each of `size` times.
struct Batched {
  Builder& b;
  Values values;
  std::vector<bool> batched;  // which have the dim; at least one
  Dim size;

  /// Operand i with the dim, which is added to those that lack it.
  Value* spread(size_t i) const;
  /// The dims with the size in front.
  std::vector<Dim> dims(const std::vector<Dim>& inner) const;
};

/// The op on batched operands. All results have the dim, and what they hold at a time has the bits of the op on what
/// the operands hold then. Empty where that cannot be written.
using Batch = Values (*)(const Op& op, const Batched& x);

/// Operands of an op at one of many times: those that are `batched` have lost their first dim, that of the times.
struct AtOneTime {
  Builder& b;
  Values values;
  std::vector<bool> batched;

  /// Dims without the first one.
  static std::vector<Dim> dims(const std::vector<Dim>& all) { return {all.begin() + 1, all.end()}; }
};

/// The inverse of Batch, for an op that works on each time by itself (see RowLink): what it does at one time. The results
/// lose their first dim and keep their bits. Empty where that cannot be written.
using Unbatch = Values (*)(const Op& op, const AtOneTime& x);

/// Dims, one of each operand and result or -1, along which an op works row by row: row i of the results depends on row i
/// of the operands that have such a dim, on the whole of the others, and on nothing else.
struct RowLink {
  std::vector<int> operands, results;
};

/// All of an op's links. Each element has the same bits whatever the number of rows.
using RowLinks = std::vector<RowLink> (*)(const Op& op);

/// The ONE derivative fact of a row: exactly one member is set.
struct Derivative {
  std::vector<Partial> partials = {};  // one an operand; nullptr where the operand is no float
  Transpose transpose = nullptr;
  JointTranspose joint_transpose = nullptr;
  Weights weights = nullptr;
  std::string none = {};     // no derivative, or zero everywhere: the reason
  std::string by_pass = {};  // a region op: what the vjp pass does
};

/// What evaluating an op on the host needs. In f64 mode, arrays of float types hold doubles whatever the type
/// says: evaluation goes by the arrays' element types.
struct Evaluation {
  const Op& op;
  std::span<const HostArray* const> in;
  std::span<HostArray> out;  // allocated, zero
  const Sizes& sizes;
  int64_t op_index;  // the op's number for error records
  ErrorRecord& error;
};

/// A region of an op. Its parameters are the index, if there is one, then one for each bound operand.
struct BlockSpec {
  enum class Gives {
    kResults,     // what the op results in, or one way to it
    kDecision,    // a truth value: whether another block runs
    kCotangents,  // of each float operand: the block is the op's derivative. Its further parameters are what
                  // the first block yields, then a cotangent for each float among that
  };
  std::string name = {};                   // the word in front; a lone block has none
  std::vector<std::string> yields = {""};  // named lists of the yield; {""} for one plain list
  Gives gives = Gives::kResults;

  bool runs() const { return gives != Gives::kCotangents; }
};

/// The form of an op with regions: `scan T reverse index(%t) over(..) carry(..) use(..) { .. yield carry(..)
/// stack(..) }`. Operands that no list binds stand before the lists, and in Op::operands behind them.
struct RegionSpec {
  bool length = false;                  // a trip count, a dim, follows the name
  bool index = false;                   // the first region parameter is the index, i32[]
  std::vector<std::string> binds = {};  // operand lists, each bound to region parameters
  int carry = -1;  // the list whose values a block yields anew for its next run, and the op as first results
  std::vector<BlockSpec> blocks = {};
};

/// Where a gradient test may draw an operand from: the function is smooth on [low, high].
struct Interval {
  double low, high;
};

struct OperandSpec {
  std::string name;
  std::string doc = {};
  bool optional = false;  // only the last may be
};

struct OpRow {
  std::string name = {};
  Family family = Family::kElementwise;
  std::string doc = {};
  std::vector<OperandSpec> operands = {};  // the last may be variadic
  bool variadic = false;
  std::vector<AttrSpec> attrs = {};
  /// Constraints in words, numbered from 1; the verifier cites number 3 of dot as `dot_c3`.
  std::vector<std::string> constraints = {};
  /// True where the result types are part of the op's meaning (reshape, constant) and cannot be inferred.
  bool declared_results = false;
  /// Checks the constraints and returns the result types; `declared` holds the types given, if any were.
  std::vector<Type> (*infer)(const Op& op, const std::vector<Type>& declared) = nullptr;
  void (*evaluate)(const Evaluation& e) = nullptr;
  ElementMath math = {};
  std::map<std::string, ElementMath> math_by_word =
      {};  // instead of `math`, by the op's word attribute (compare)
  Derivative derivative = {};
  Batch batch = nullptr;              // an element-wise op needs none
  Unbatch unbatch = nullptr;          // nor here
  RowLinks rows = nullptr;            // nor here; without it nothing is known to be row by row
  std::vector<Interval> smooth = {};  // for each operand; empty: anywhere
  double max_ulp = 0;                 // f32 error against the exact value; 0: correctly rounded
  bool cheap = false;                 // recomputed in a transposed scan rather than kept as a residual
  bool keeps_elements = false;  // the result has operand 0's elements as they lie, and may be its buffer
  int updates = -1;  // the operand that the result is, but for what is changed: it may overwrite it
  RegionSpec region = {};

  bool is_elementwise() const { return family == Family::kElementwise; }
  const AttrSpec* find_attr(std::string_view name) const;
};

/// The arithmetic of an element-wise op, picked by its word attribute where the row has several.
const ElementMath& element_math(const Op& op);

/// Attributes that any op may carry: what plan-memory writes, and share_rows. The interpreter ignores them.
const std::vector<AttrSpec>& annotations();

/// All rows, in the order of the manual.
const std::vector<const OpRow*>& all_rows();
/// The row of that name; nullptr if there is none.
const OpRow* find_row(std::string_view name);

/// An op breaks a constraint of its row. Whoever built the op adds where.
class ConstraintError : public Error {
 public:
  ConstraintError(const OpRow& row, int constraint, const std::string& detail);
  const std::string label;  // dot_c3
  const std::string op;     // dot
  const std::string detail;
};

/// Throws ConstraintError unless `holds`.
void require(const Op& op, int constraint, bool holds, const std::string& detail);
/// True if the function of `op` proves or guards the fact.
bool implies(const Op& op, Dim left, bool equal, Dim right);

/// The operand of a dot or a reduce_sum that its sums go on from; nullptr where they start from zero.
Value* start_of_sums(const Op& op);
/// How many of the dims that such an op sums over it takes from the last element to the first.
int64_t descending_dims(const Op& op);
/// How many of them it takes one after another: all, but for an innermost one of a reduce_sum.
int64_t chained_dims(const Op& op);

/// True if a dot contracts just the innermost dim of both operands and the right one has no free dim: it then
/// takes the order of a reduction (the attribute `lanes`) when it is built.
bool dot_may_take_lanes(const Op& op);

/// The checks that no row repeats (operand count, attributes present, no operand from elsewhere), then the
/// row's own. Returns the result types.
std::vector<Type> infer(const Op& op, const std::vector<Type>& declared);

// The rows themselves; those of element-wise ops are in ir/ops/elementwise.h.
namespace ops {
#define OP(name, ...) extern const OpRow name;
#include "ir/ops/structural.def"
#undef OP
}  // namespace ops

}  // namespace rondo::ir
