// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <algorithm>

#include "backends/llvm/kernel_emitter.h"

namespace rondo::codegen {

namespace {

// An op as text, without names: ops with equal texts have equal code. Symbols are numbered as they come.
class CanonicalText {
 public:
  explicit CanonicalText(const ir::Op& op) {
    for (const ir::Value* operand : op.operands) define(operand);
    add(op);
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
    for (const ir::AttrSpec& spec : op.row->attrs)
      if (op.has_attr(spec.name)) add(op, spec);
    if (op.has_attr("first")) add(op.dim_attr("first"));
    for (const auto& region : op.regions) {
      text_ += "{";
      for (const auto& param : region->params) define(param.get());
      for (const auto& inner : region->ops) add(*inner);
      for (const ir::Value* value : region->results) text_ += std::to_string(values_.at(value)) + ",";
      text_ += "}";
    }
    for (const auto& result : op.results) define(result.get());
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

// Whatever is not listed is an element-wise op or another that fusions can hold.
void emit(KernelEmitter& e) {
  using Emit = void (*)(KernelEmitter&);
  namespace ops = ir::ops;
  static const std::unordered_map<const ir::OpRow*, Emit> families = {
      {&ops::reduce_sum, emit_reduce},   {&ops::reduce_max, emit_reduce}, {&ops::reduce_min, emit_reduce},
      {&ops::argmax, emit_argmax},       {&ops::topk, emit_topk},         {&ops::dot, emit_dot},
      {&ops::gather, emit_gather},       {&ops::reshape, emit_reshape},   {&ops::scatter_add, emit_scatter},
      {&ops::scatter_set, emit_scatter}, {&ops::check, emit_check},       {&ops::transpose, emit_transpose},
  };
  const auto found = families.find(e.op.row);
  found == families.end() ? emit_fusion(e) : found->second(e);
  e.finish();
}

}  // namespace

KernelLibrary::KernelLibrary(const CodeModule& code, const Target& target)
    : state_(new LibraryState{code, target}) {}
KernelLibrary::~KernelLibrary() = default;

KernelCall KernelLibrary::get(const ir::Op& op) {
  const CanonicalText canonical(op);
  llvm::Function*& function = state_->functions[canonical.text()];
  if (function == nullptr) {
    const std::string name = op.row->name + "." + std::to_string(state_->functions.size());
    KernelEmitter emitter(*state_, op, canonical.symbols(), name);
    function = emitter.function();
    emit(emitter);
  }
  return {function, canonical.symbols()};
}

std::int64_t KernelLibrary::scratch_bytes() const { return state_->scratch_bytes; }
const std::vector<ir::Kernel>& KernelLibrary::called() const { return state_->called; }

}  // namespace rondo::codegen
