// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/codegen/prebuilt_kernels.h"

#include <llvm/IR/Constants.h>
#include <llvm/IR/Module.h>

#include <vector>

#include "backends/llvm/codegen/dot_kernel.h"
#include "backends/llvm/codegen/transpose_kernel.h"

namespace rondo::codegen {

std::string prebuilt_kernels_name(Isa isa) { return "rondo_kernels_" + std::string(name(isa)); }

CodeModule emit_prebuilt_kernels(const Target& target) {
  using enum runtime::ElementType;
  CodeModule code(prebuilt_kernels_name(target.isa));
  llvm::Module& module = code.module();
  const auto symbol = [&](const std::string& kernel, const std::string& type) {
    return "rondo_" + kernel + "_" + type + "_" + std::string(name(target.isa));
  };
  std::vector<llvm::Constant*> fields;
  for (const runtime::ElementType type : {f32, f64, bf16}) {
    const std::string dot = symbol("dot", runtime::name(type)),
                      lanes = symbol("lanes_dot", runtime::name(type));
    if (type != bf16) {
      emit_dot_kernel(code, target, type, dot);
    } else {
      const bool pairs = has_bf16_pairs(target);
      const std::string packed = symbol("dot", pairs ? "pairs" : "f32");
      if (pairs) emit_dot_kernel(code, target, bf16, packed);
      emit_bf16_dot_kernel(code, target, packed, dot);
    }
    emit_lanes_dot_kernel(code, target, type, lanes);
    fields.push_back(module.getFunction(dot));
    fields.push_back(module.getFunction(lanes));
    const std::int64_t scratch_size =
        type == bf16 ? bf16_dot_scratch_size(target) : dot_scratch_size(target, type);
    fields.push_back(llvm::ConstantInt::get(llvm::Type::getInt64Ty(code.context()), scratch_size));
  }
  for (const std::int64_t bytes : {1, 2, 4, 8}) {
    const std::string transpose = symbol("transpose", std::to_string(bytes));
    emit_transpose_kernel(code, bytes, transpose);
    fields.push_back(module.getFunction(transpose));
  }

  llvm::Constant* table = llvm::ConstantStruct::getAnon(fields);
  new llvm::GlobalVariable(module, table->getType(), /*isConstant=*/true, llvm::GlobalValue::ExternalLinkage,
                           table, prebuilt_kernels_name(target.isa));
  // They are for the program or shared library that they are linked into.
  for (llvm::GlobalValue& value : module.global_values())
    if (value.hasExternalLinkage() && !value.isDeclaration())
      value.setVisibility(llvm::GlobalValue::HiddenVisibility);
  return code;
}

}  // namespace rondo::codegen
