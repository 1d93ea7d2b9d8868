// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/fuzz/reduce.h"

#include <algorithm>
#include <set>
#include <utility>

#include "ir/builder.h"
#include "ir/scan.h"
#include "ir/substitute.h"
#include "ir/verify.h"
#include "passes/passes.h"
#include "tools/fuzz/reduce_edits.h"

namespace rondo::fuzz {

using namespace rondo::ir;

namespace {

int64_t count_ops(const Function& function) {
  int64_t count = 0;
  for_each_op(function.body, [&](const Op& op) { count += op.row != &ops::constant; });
  return count;
}

class Reducer {
 public:
  Reducer(const Function& function, const std::function<bool(const Function&)>& fails, int64_t most_tries)
      : fails_(fails), most_tries_(most_tries), best_(clone_function(function, function.name)) {}

  Reduced run() {
    const int64_t before = count_ops(*best_);
    // Dead code goes after each step, unless it is what the failure is about.
    tidies_ = true;
    tidies_ = attempt([](Function&) { return true; });
    for (bool smaller = true; smaller && tries_ < most_tries_;) {
      smaller = shrink_results();
      smaller |= shift_results();
      smaller |= shrink_ops();
      smaller |= shrink_regions();
      smaller |= shrink_sizes();
      smaller |= shrink_head();
    }
    attempt(forget_names);
    const int64_t after = count_ops(*best_);
    return {std::move(best_), before, after, tries_};
  }

 private:
  using Edit = std::function<bool(Function&)>;

  // Takes the edited function if it is a good one that still fails.
  bool attempt(const Edit& edit) {
    std::unique_ptr<Function> candidate = clone_function(*best_, best_->name);
    return attempt(std::move(candidate), edit);
  }
  bool attempt(std::unique_ptr<Function> candidate, const Edit& edit) {
    if (tries_ >= most_tries_) return false;
    try {
      if (!edit(*candidate)) return false;
      if (tidies_) passes::remove_dead_code(*candidate);
      drop_unused_params(*candidate);
      verify(*candidate, "reduced");
    } catch (const std::exception&) {
      return false;
    }
    ++tries_;
    if (!fails_(*candidate)) return false;
    best_ = std::move(candidate);
    return true;
  }

  // Tries to take away runs of a list, long ones first; `size` and `without(begin, end)` see the list as it is.
  template <class Size, class Without>
  bool shrink_list(Size&& size, Without&& without) {
    bool smaller = false;
    for (size_t run = std::max<size_t>(size(), 1); run > 0; run /= 2)
      for (size_t end = size(); end > 0;) {
        const size_t begin = end > run ? end - run : 0;
        smaller |= without(begin, end);
        end = std::min(begin, size());
      }
    return smaller;
  }

  bool shrink_results() {
    return shrink_list([&] { return best_->body.results.size(); },
                       [&](size_t begin, size_t end) {
                         return attempt([=](Function& f) {
                           if (end - begin == f.body.results.size()) return false;
                           f.body.results.erase(f.body.results.begin() + static_cast<std::ptrdiff_t>(begin),
                                                f.body.results.begin() + static_cast<std::ptrdiff_t>(end));
                           return true;
                         });
                       });
  }

  // Returns, or stacks, what a result is computed from instead of the result.
  bool shift_results() {
    bool smaller = false;
    for (size_t g = 0; g < graphs_of(*best_).size(); ++g)
      for (size_t i = 0; i < graphs_of(*best_)[g]->results.size(); ++i)
        for (size_t operand = 0; operand < operands_behind(g, i);) {
          const bool shifted =
              attempt([=](Function& f) { return shift_result(*graphs_of(f)[g], i, operand); });
          smaller |= shifted;
          operand = shifted ? 0 : operand + 1;
          if (g >= graphs_of(*best_).size()) return true;
        }
    return smaller;
  }

  size_t operands_behind(size_t g, size_t result) const {
    const Values& results = graphs_of(*best_)[g]->results;
    const Op* op = result < results.size() ? results[result]->op : nullptr;
    return op != nullptr ? op->operands.size() : 0;
  }

  // Works on the graphs as they are at any time: numbers change as ops go.
  bool shrink_ops() {
    bool smaller = false;
    for (size_t g = 0; g < graphs_of(*best_).size(); ++g)
      smaller |= shrink_list(
          [&] {
            const auto graphs = graphs_of(*best_);
            return g < graphs.size() ? graphs[g]->ops.size() : 0;
          },
          [&](size_t begin, size_t end) {
            if (end - begin == 1)
              for (const StandIn kind : {StandIn::kFirstOperand, StandIn::kLastOperand, StandIn::kEarlier})
                if (remove(g, begin, end, kind)) return true;
            return remove(g, begin, end, StandIn::kFresh);
          });
    return smaller;
  }

  bool remove(size_t g, size_t begin, size_t end, StandIn kind) {
    return attempt([=](Function& f) {
      Graph& graph = *graphs_of(f)[g];
      // A constant costs nothing: that it could be a parameter makes nothing smaller.
      const bool constant = end - begin == 1 && graph.ops[begin]->row == &ops::constant;
      return !constant && remove_ops(graph, begin, end, kind);
    });
  }

  bool shrink_regions() {
    bool smaller = false;
    for (size_t g = 0; g < graphs_of(*best_).size(); ++g)
      for (size_t i = graphs_of(*best_)[g]->ops.size(); i-- > 0;) {
        for (size_t block = 0; block < 2; ++block)
          smaller |= on_region_op(g, i, [=](Op& op) { inline_block(op, block); });
        smaller |= each_part(g, i, [](const Scan& scan) { return scan.stacks(); }, drop_stack);
        smaller |= each_part(g, i, [](const Scan& scan) { return scan.carry.size(); }, drop_carry);
        smaller |= each_part(g, i, [](const Scan& scan) { return scan.over.size(); }, drop_over);
        smaller |= on_region_op(g, i, [](Op& op) {
          if (std::erase_if(op.attrs, [](const Attr& attr) { return attr.spec->name == "reverse"; }) == 0)
            throw Error("it runs forward");
        });
      }
    return smaller;
  }

  static Op* region_op_at(Function& f, size_t g, size_t i) {
    const auto graphs = graphs_of(f);
    if (g >= graphs.size() || i >= graphs[g]->ops.size()) return nullptr;
    Op* op = graphs[g]->ops[i].get();
    return op->regions.empty() ? nullptr : op;
  }

  bool on_region_op(size_t g, size_t i, const std::function<void(Op&)>& change) {
    return attempt([&](Function& f) {
      Op* op = region_op_at(f, g, i);
      if (op != nullptr) change(*op);
      return op != nullptr;
    });
  }

  template <class Count>
  bool each_part(size_t g, size_t i, Count&& count, void (*drop)(Op&, size_t)) {
    const Op* op = region_op_at(*best_, g, i);
    const bool is_scan = op != nullptr && op->row == &ops::scan;
    bool smaller = false;
    for (size_t k = is_scan ? count(Scan(*op)) : 0; k-- > 0;)
      smaller |= on_region_op(g, i, [=](Op& each) { drop(each, k); });
    return smaller;
  }

  bool shrink_sizes() {
    std::set<std::string> symbols;
    for (const auto& param : best_->body.params)
      for (Dim dim : param->type.dims)
        for (const std::string& symbol : dim.symbols()) symbols.insert(symbol);
    bool smaller = false;
    for (const std::string& symbol : symbols)
      for (const int64_t size : {1, 2, 3, 5})
        if (attempt([&](Function& f) { return substitute(f, {{symbol, size}}), true; })) {
          smaller = true;
          break;
        }
    for (const int64_t dim : constant_dims(*best_))
      for (const int64_t size : {int64_t{1}, int64_t{2}, int64_t{3}, dim / 2, dim - 1})
        if (size >= 1 && size < dim && resize(dim, size)) {
          smaller = true;
          break;
        }
    return smaller;
  }

  bool resize(int64_t from, int64_t to) {
    try {
      return attempt(with_dim(*best_, from, to), [](Function&) { return true; });
    } catch (const std::exception&) {
      return false;  // the sizes no longer fit
    }
  }

  // Guards, and what is said of parameters.
  bool shrink_head() {
    bool smaller = false;
    for (size_t i = best_->guards.size(); i-- > 0;)
      smaller |= attempt([=](Function& f) {
        f.guards.erase(f.guards.begin() + static_cast<std::ptrdiff_t>(i));
        return true;
      });
    for (size_t i = best_->derived.size(); i-- > 0;)
      smaller |= attempt([=](Function& f) {
        f.derived.erase(f.derived.begin() + static_cast<std::ptrdiff_t>(i));
        return true;
      });
    for (size_t i = best_->body.params.size(); i-- > 1;)
      for (size_t k = 0; k < i && i < best_->body.params.size(); ++k)
        if (attempt([=](Function& f) { return merge_params(f, i, k); })) {
          smaller = true;
          break;
        }
    for (size_t i = 0; i < best_->param_infos.size(); ++i)
      smaller |= attempt([=](Function& f) { return std::exchange(f.param_infos[i].donate, false); });
    return smaller;
  }

  static bool forget_names(Function& f) {
    f.loc = Loc::unknown();
    for (ParamInfo& info : f.param_infos) info.label.clear();
    for (Guard& guard : f.guards) guard.loc = Loc::unknown();
    for (DerivedSize& size : f.derived) size.loc = Loc::unknown();
    for (Graph* graph : graphs_of(f)) {
      for (const auto& param : graph->params) {
        param->loc = Loc::unknown();
        param->name.clear();
      }
      for (const auto& op : graph->ops) {
        op->loc = Loc::unknown();
        for (const auto& result : op->results) result->name.clear();
      }
    }
    return true;
  }

  const std::function<bool(const Function&)>& fails_;
  const int64_t most_tries_;
  int64_t tries_ = 0;
  bool tidies_ = false;
  std::unique_ptr<Function> best_;
};

}  // namespace

Reduced reduce(const Function& function, const std::function<bool(const Function&)>& fails,
               int64_t most_tries) {
  return Reducer(function, fails, most_tries).run();
}

std::string failure_kind(const std::string& detail) {
  std::string line = detail.substr(0, detail.find('\n')), kind;
  // "canonicalise, fuse at B=1 T=17: result 3 differs": which passes and sizes it took says little.
  if (const size_t sizes = line.find(" at B="); sizes != std::string::npos)
    if (const size_t last = line.find(" T=", sizes); last != std::string::npos)
      line.erase(0, line.find_first_not_of("0123456789", last + 3));
  bool quoted = false;
  for (const char c : line) {
    if (c == '\'') quoted = !quoted;
    if (!quoted && (c < '0' || c > '9')) kind += c;
  }
  return kind;
}

}  // namespace rondo::fuzz
