// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/codegen/code_generator.h"

#include <llvm/Analysis/CGSCCPassManager.h>
#include <llvm/Analysis/LoopAnalysisManager.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <mutex>

#include "ir/error.h"

namespace rondo::codegen {
namespace {

std::unique_ptr<llvm::TargetMachine> make_target_machine(const Target& target) {
  static std::once_flag once;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  std::string triple = llvm::sys::getProcessTriple(), complaint;
  const llvm::Target* native = llvm::TargetRegistry::lookupTarget(triple, complaint);
  if (!native) throw Error("LLVM can't make code for " + triple + ": " + complaint);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;  // a*b+c is two roundings: the order is law
  return std::unique_ptr<llvm::TargetMachine>(
      native->createTargetMachine(triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
                                  llvm::CodeModel::Small, llvm::CodeGenOptLevel::Default, /*JIT=*/true));
}

void verify(const llvm::Module& module) {
  std::string complaint;
  llvm::raw_string_ostream stream(complaint);
  if (llvm::verifyModule(module, &stream)) throw InternalError("llvm: invalid LLVM module: " + stream.str());
}

// No vectoriser and no inliner: vectors are explicit, and O2 was measured to buy 2 % of speed for twice the
// compile time. What is marked as not worth it (the driver) stays as it is.
void run_passes(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager graphs;
  llvm::ModuleAnalysisManager modules;
  llvm::PassBuilder builder(&machine);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(graphs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, graphs, modules);

  llvm::FunctionPassManager passes;
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::SimplifyCFGPass());
  passes.addPass(llvm::createFunctionToLoopPassAdaptor(llvm::LICMPass(llvm::LICMOptions()),
                                                       /*UseMemorySSA=*/true));
  passes.addPass(llvm::EarlyCSEPass(/*UseMemorySSA=*/true));
  for (llvm::Function& function : module)
    if (!function.isDeclaration() && !function.hasOptNone()) passes.run(function, functions);
}

CodeGenerator::Bytes emit(llvm::Module& module, llvm::TargetMachine& machine, llvm::CodeGenFileType type) {
  CodeGenerator::Bytes bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    throw InternalError("llvm: LLVM can't emit this kind of file");
  passes.run(module);
  return bytes;
}

}  // namespace

CodeModule::CodeModule(std::string_view name)
    : context_(std::make_unique<llvm::LLVMContext>()),
      module_(std::make_unique<llvm::Module>(llvm::StringRef(name), *context_)) {}
CodeModule::CodeModule(CodeModule&&) noexcept = default;
CodeModule::~CodeModule() = default;

CodeGenerator::CodeGenerator(const Target& target) : machine_(make_target_machine(target)) {}
CodeGenerator::~CodeGenerator() = default;

void CodeGenerator::optimise(const CodeModule& code) const {
  code.module().setTargetTriple(machine_->getTargetTriple().str());
  code.module().setDataLayout(machine_->createDataLayout());
  verify(code.module());
  run_passes(code.module(), *machine_);
}

CodeGenerator::Bytes CodeGenerator::object(const CodeModule& code) const {
  return emit(code.module(), *machine_, llvm::CodeGenFileType::ObjectFile);
}

CodeGenerator::Bytes CodeGenerator::assembly(const CodeModule& code) const {
  const auto copy = llvm::CloneModule(code.module());  // code generation changes what it reads
  return emit(*copy, *machine_, llvm::CodeGenFileType::AssemblyFile);
}

}  // namespace rondo::codegen
