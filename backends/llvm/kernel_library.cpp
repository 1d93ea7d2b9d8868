// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>

#include "backends/llvm/kernel_emitter.h"
#include "ir/error.h"
#include "passes/fusion_plan.h"

namespace rondo::codegen {

namespace {

constexpr std::int64_t kMostLanes = 16;  // of a vector

// The largest power of two up to kMostLanes that the size is a multiple of, whatever its symbols are.
std::int64_t common_factor(Dim size) {
  std::int64_t factor = kMostLanes;
  for (const Dim::Term& term : size.terms())
    while (term.coefficient % factor != 0) factor /= 2;
  return factor;
}

// An op as text, without names: ops with equal texts have equal code. Symbols are numbered as they come.
class CanonicalText {
 public:
  explicit CanonicalText(const ir::Op& op) {
    for (const ir::Value* operand : op.operands) define(operand);
    add(op);
  }

  // Of a fusion that is this row: how long it is becomes a symbol, and shapes are left out.
  CanonicalText(const ir::Op& op, const passes::Nest& row) : symbols_{row.dims[0]} {
    text_ = "row of " + std::to_string(common_factor(row.dims[0])) +
            "*s0: " + std::to_string(op.operands.size()) + "->" + std::to_string(op.results.size());
    const auto stride = [](const passes::Place& at) { return at.strides[0] == 1 ? "[i]" : "[0]"; };
    for (const passes::Step& step : row.steps) {
      text_ += ";";
      if (step.op == nullptr) {
        text_ += std::string(op.operands[step.input]->type.dtype.text()) + " %" + std::to_string(step.input) +
                 stride(step.at);
        continue;
      }
      text_ += std::string(step.op->result()->type.dtype.text()) + " " + step.op->row->name + "(";
      for (int arg : step.args) text_ += std::to_string(arg) + ",";
      text_ += ")";
      add_attrs(*step.op);
    }
    for (const passes::Write& write : row.writes)
      text_ += ";" + std::string(op.result(write.result)->type.dtype.text()) + " %" +
               std::to_string(write.result) + stride(write.at) + "=" + std::to_string(write.step);
  }

  const std::string& text() const { return text_; }
  const std::vector<Dim>& symbols() const { return symbols_; }

 private:
  void define(const ir::Value* value) {
    text_ += std::string(value->type.dtype.text());
    add(value->type.dims);
    values_.emplace(value, values_.size());
  }

  void add(const ir::Op& op) {
    text_ += op.row->name + "(";
    for (const ir::Value* operand : op.operands) text_ += std::to_string(values_.at(operand)) + ",";
    text_ += ")";
    add_attrs(op);
    for (const auto& region : op.regions) {
      text_ += "{";
      for (const auto& param : region->params) define(param.get());
      for (const auto& inner : region->ops) add(*inner);
      for (const ir::Value* value : region->results) text_ += std::to_string(values_.at(value)) + ",";
      text_ += "}";
    }
    for (const auto& result : op.results) define(result.get());
  }

  void add_attrs(const ir::Op& op) {
    for (const ir::AttrSpec& spec : op.row->attrs)
      if (op.has_attr(spec.name)) add(op, spec);
    if (op.has_attr("first")) add(op.dim_attr("first"));
    if (op.has_attr("columns")) add(op.dims_attr("columns"));
    if (!op.has_attr("among")) return;
    for (const int64_t dim : op.ints_attr("among", 0)) text_ += std::to_string(dim) + ",";
    add(op.dims_attr("among", 1));
  }

  void add(const ir::Op& op, const ir::AttrSpec& spec) {
    text_ += spec.name + "(";
    const auto found = std::find_if(op.attrs.begin(), op.attrs.end(),
                                    [&](const ir::Attr& attr) { return attr.spec->name == spec.name; });
    for (size_t i = 0; i < spec.args.size(); ++i) {
      const ir::AttrArg& arg = found->args[i];
      if (const Dim* dim = std::get_if<Dim>(&arg)) add(*dim);
      if (const auto* dims = std::get_if<std::vector<Dim>>(&arg)) add(*dims);
      if (const auto* number = std::get_if<ir::Number>(&arg)) text_ += number->text(op.result()->type.dtype);
      if (spec.args[i] == ir::AttrKind::kWord) text_ += std::get<std::string>(arg);
    }
    text_ += ")";
  }

  void add(const std::vector<Dim>& dims) {
    text_ += "[";
    for (Dim dim : dims) add(dim);
    text_ += "]";
  }

  void add(Dim dim) {
    for (const Dim::Term& term : dim.terms()) {
      text_ += std::to_string(term.coefficient);
      for (const std::string& name : term.symbols) text_ += "*s" + std::to_string(symbol(name));
      text_ += "+";
    }
    text_ += ",";
  }

  size_t symbol(const std::string& name) {
    const Dim dim(std::string_view{name});
    const auto found = std::find(symbols_.begin(), symbols_.end(), dim);
    const size_t number = found - symbols_.begin();
    if (found == symbols_.end()) symbols_.push_back(dim);
    return number;
  }

  std::string text_;
  std::vector<Dim> symbols_;
  std::unordered_map<const ir::Value*, size_t> values_;
};

using Emit = void (*)(KernelEmitter&);

// Whatever is not listed is an element-wise op or another that fusions can hold.
Emit family(const ir::Op& op) {
  namespace ops = ir::ops;
  static const std::unordered_map<const ir::OpRow*, Emit> families = {
      {&ops::reduce_sum, emit_reduce},   {&ops::reduce_max, emit_reduce}, {&ops::reduce_min, emit_reduce},
      {&ops::argmax, emit_argmax},       {&ops::topk, emit_topk},         {&ops::dot, emit_dot},
      {&ops::gather, emit_gather},       {&ops::reshape, emit_reshape},   {&ops::scatter_add, emit_scatter},
      {&ops::scatter_set, emit_scatter}, {&ops::check, emit_check},       {&ops::transpose, emit_transpose},
  };
  const auto found = families.find(op.row);
  return found == families.end() ? emit_fusion : found->second;
}

// A fusion of the sort that updates weights: one loop over elements that lie next to each other. Its code is the same
// for all shapes with as many whole vectors and a loop around them.
bool is_row(const passes::Nest& nest) {
  if (nest.dims.size() != 1 || (nest.dims[0].is_constant() && nest.dims[0].constant() <= kMostLanes))
    return false;
  const auto runs_on = [](const passes::Place& at) {
    return at.offset == 0 && (at.strides[0] == 0 || at.strides[0] == 1);
  };
  return std::all_of(nest.steps.begin(), nest.steps.end(),
                     [&](const passes::Step& step) {
                       if (step.op == nullptr) return runs_on(step.at);
                       return step.op->row->is_elementwise() || step.op->row == &ir::ops::constant;
                     }) &&
         std::all_of(nest.writes.begin(), nest.writes.end(),
                     [&](const passes::Write& write) { return write.total == nullptr && runs_on(write.at); });
}

CanonicalText canonical_text(const ir::Op& op) {
  if (family(op) != emit_fusion) return CanonicalText(op);
  const std::vector<passes::Nest> nests = passes::plan_fusion(op);
  return nests.size() == 1 && is_row(nests[0]) ? CanonicalText(op, nests[0]) : CanonicalText(op);
}

}  // namespace

KernelLibrary::KernelLibrary(std::span<const CodeModule> modules, const Target& target)
    : state_(new LibraryState{modules, target}) {}
KernelLibrary::~KernelLibrary() = default;

KernelCall KernelLibrary::get(const ir::Op& op) {
  constexpr size_t kCall = 5;  // instructions; those of a driver are compiled without optimisation
  std::vector<size_t>& costs = state_->costs;
  costs.front() += kCall;
  const CanonicalText canonical = canonical_text(op);
  std::string& function = state_->functions[canonical.text()];
  if (function.empty()) {
    const Emit emit = family(op);
    if (op.has_attr("among") && emit != emit_dot && emit != emit_reduce)
      throw InternalError(op.row->name + " can't read rows among those of other workers");
    function = op.row->name + "." + std::to_string(state_->functions.size());
    const auto least = std::ranges::min_element(costs);
    const CodeModule& module = state_->modules[static_cast<size_t>(least - costs.begin())];
    KernelEmitter emitter(*state_, module, op, canonical.symbols(), function);
    emit(emitter);
    emitter.finish();
    *least += module.module().getFunction(function)->getInstructionCount();
  }
  return {function, canonical.symbols()};
}

std::int64_t KernelLibrary::scratch_bytes() const { return state_->scratch_bytes; }
const std::vector<ir::Kernel>& KernelLibrary::called() const { return state_->called; }

}  // namespace rondo::codegen
