// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <string_view>

namespace llvm {
class LLVMContext;
class Module;
}  // namespace llvm

namespace rondo::codegen {

/// An LLVM module under construction, with the context that it lives in.
class CodeModule {
 public:
  explicit CodeModule(std::string_view name);
  CodeModule(CodeModule&&) noexcept;
  CodeModule& operator=(CodeModule&&) = delete;
  ~CodeModule();

  llvm::Module& module() const { return *module_; }
  llvm::LLVMContext& context() const { return *context_; }

 private:
  std::unique_ptr<llvm::LLVMContext> context_;  // outlives the module
  std::unique_ptr<llvm::Module> module_;
};

}  // namespace rondo::codegen
