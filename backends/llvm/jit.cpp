// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/jit.h"

#include <llvm/Analysis/CGSCCPassManager.h>
#include <llvm/Analysis/LoopAnalysisManager.h>
#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/LICM.h>
#include <llvm/Transforms/Scalar/LoopPassManager.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <mutex>

#include "ir/error.h"

namespace rondo::codegen {
namespace {

/// Adds the time until it is destroyed to a counter of milliseconds.
class Stopwatch {
 public:
  explicit Stopwatch(double& milliseconds) : milliseconds_(milliseconds) {}
  ~Stopwatch() {
    std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start_;
    milliseconds_ += elapsed.count();
  }

 private:
  double& milliseconds_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

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
// compile time.
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
    if (!function.isDeclaration()) passes.run(function, functions);
}

llvm::SmallVector<char, 0> emit(llvm::Module& module, llvm::TargetMachine& machine,
                                llvm::CodeGenFileType type) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, stream, nullptr, type))
    throw InternalError("llvm: LLVM can't emit this kind of file");
  passes.run(module);
  return bytes;
}

std::string text(llvm::Error error) { return llvm::toString(std::move(error)); }

}  // namespace

CodeModule::CodeModule(std::string_view name)
    : context_(std::make_unique<llvm::LLVMContext>()),
      module_(std::make_unique<llvm::Module>(llvm::StringRef(name), *context_)) {}
CodeModule::CodeModule(CodeModule&&) noexcept = default;
CodeModule::~CodeModule() = default;

struct Jit::Session {
  std::unique_ptr<llvm::TargetMachine> machine;
  llvm::orc::ExecutionSession session;
  llvm::orc::ObjectLinkingLayer linker;
  llvm::orc::JITDylib& library;

  Session(const Target& target, std::unique_ptr<llvm::orc::ExecutorProcessControl> process)
      : machine(make_target_machine(target)),
        session(std::move(process)),
        linker(session),
        library(session.createBareJITDylib("rondo")) {
    // Errors come back from the calls that cause them; without this ORC prints them as well.
    session.setErrorReporter([](llvm::Error error) { llvm::consumeError(std::move(error)); });
    define_library_calls();
  }
  ~Session() { llvm::consumeError(session.endSession()); }

  void define_library_calls() {
    llvm::orc::SymbolMap symbols;
    auto define = [&](const char* name, auto* function) {
      symbols[session.intern(name)] = {llvm::orc::ExecutorAddr::fromPtr(function),
                                       llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
    };
    define("memcpy", &std::memcpy);
    define("memmove", &std::memmove);
    define("memset", &std::memset);
    define("fma", static_cast<double (*)(double, double, double)>(&std::fma));
    define("fmaf", static_cast<float (*)(float, float, float)>(&std::fma));
    llvm::cantFail(library.define(llvm::orc::absoluteSymbols(std::move(symbols))));
  }

  llvm::Expected<llvm::orc::ExecutorSymbolDef> find(std::string_view name) {
    return session.lookup({&library}, session.intern(llvm::StringRef(name)));
  }
};

Jit::Jit(Target target, int debug_level) : target_(std::move(target)), debug_level_(debug_level) {
  // The in-process memory manager writes code to pages that become executable only once they are read-only.
  auto process = llvm::orc::SelfExecutorProcessControl::Create(
      nullptr, std::make_unique<llvm::orc::InPlaceTaskDispatcher>());
  if (!process) throw Error("can't start the JIT compiler: " + text(process.takeError()));
  session_ = std::make_unique<Session>(target_, std::move(*process));
}

Jit::~Jit() = default;

void Jit::add(CodeModule code) {
  llvm::Module& module = code.module();
  llvm::TargetMachine& machine = *session_->machine;
  module.setTargetTriple(machine.getTargetTriple().str());
  module.setDataLayout(machine.createDataLayout());
  std::string first_function;
  for (llvm::Function& function : module)
    if (!function.isDeclaration() && function.hasExternalLinkage()) first_function = function.getName();
  {
    Stopwatch watch(times_.ir_passes);
    verify(module);
    run_passes(module, machine);
  }
  if (debug_level_ >= 4) module.print(llvm::errs(), nullptr);
  if (debug_level_ >= 5) {
    auto copy = llvm::CloneModule(module);  // code generation changes what it reads
    auto assembly = emit(*copy, machine, llvm::CodeGenFileType::AssemblyFile);
    llvm::errs() << llvm::StringRef(assembly.data(), assembly.size());
  }
  llvm::SmallVector<char, 0> object;
  {
    Stopwatch watch(times_.codegen);
    object = emit(module, machine, llvm::CodeGenFileType::ObjectFile);
  }
  Stopwatch watch(times_.link);
  auto buffer = std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(object), module.getName(),
                                                                /*RequiresNullTerminator=*/false);
  if (auto error = session_->linker.add(session_->library, std::move(buffer)))
    throw InternalError("llvm: " + text(std::move(error)));
  if (first_function.empty()) return;
  // ORC links when a symbol is first asked for; asking now keeps its failures and its time here.
  auto linked = session_->find(first_function);
  if (!linked) throw Error("can't load compiled code: " + text(linked.takeError()));
}

void* Jit::lookup(std::string_view name) {
  auto symbol = session_->find(name);
  if (!symbol) throw InternalError("llvm: " + text(symbol.takeError()));
  return symbol->getAddress().toPtr<void*>();
}

}  // namespace rondo::codegen
