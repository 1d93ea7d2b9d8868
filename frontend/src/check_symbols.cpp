// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <set>

#include "frontend/src/training.h"

namespace rondo::detail {

namespace {

// The symbols whose values a call tells: those that are the whole of an argument's dim.
class KnownSymbols {
 public:
  explicit KnownSymbols(const Traced& traced) {
    for (size_t i = 0; i < traced.arguments; ++i)
      for (const Dim dim : traced.function->body.params[i]->type.dims)
        if (dim.is_symbol()) known_.insert(dim.text());
    for (const ir::DerivedSize& size : traced.function->derived) {
      check(size.numerator, size.loc);
      known_.insert(size.name);
    }
  }

  void check(Dim dim, Loc loc) const {
    for (const std::string& symbol : dim.symbols())
      if (!known_.contains(symbol))
        fail(loc, "no argument tells the size " + symbol +
                      ": a symbol must be a whole dim of one, as in f32[" + symbol + ",3] and not f32[2*" +
                      symbol + ",3]");
  }
  void check(const std::vector<Dim>& dims, Loc loc) const {
    for (const Dim dim : dims) check(dim, loc);
  }

 private:
  std::set<std::string, std::less<>> known_;
};

}  // namespace

void check_symbols(const Traced& traced) {
  const KnownSymbols symbols(traced);
  for (const auto& param : traced.function->body.params) symbols.check(param->type.dims, param->loc);
  ir::for_each_op(traced.function->body, [&](const ir::Op& op) {
    for (const auto& result : op.results) symbols.check(result->type.dims, op.loc);
    for (const ir::Attr& attr : op.attrs)
      for (const ir::AttrArg& arg : attr.args) {
        if (const auto* dim = std::get_if<Dim>(&arg)) symbols.check(*dim, op.loc);
        if (const auto* dims = std::get_if<std::vector<Dim>>(&arg)) symbols.check(*dims, op.loc);
      }
  });
  for (const ir::Guard& guard : traced.function->guards) symbols.check({guard.left, guard.right}, guard.loc);
}

}  // namespace rondo::detail
