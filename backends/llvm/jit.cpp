// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/jit.h"

#include <llvm/ExecutionEngine/JITLink/JITLinkMemoryManager.h>
#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>

#include <chrono>
#include <cmath>
#include <cstring>

#include "backends/llvm/codegen/code_generator.h"
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

std::string text(llvm::Error error) { return llvm::toString(std::move(error)); }

}  // namespace

struct Jit::Session {
  CodeGenerator generator;
  llvm::orc::ExecutionSession session;
  llvm::orc::ObjectLinkingLayer linker;
  llvm::orc::JITDylib& library;

  Session(const Target& target, std::unique_ptr<llvm::orc::ExecutorProcessControl> process)
      : generator(target),
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
  const CodeGenerator& generator = session_->generator;
  std::string first_function;
  for (llvm::Function& function : module)
    if (!function.isDeclaration() && function.hasExternalLinkage()) first_function = function.getName();
  {
    Stopwatch watch(times_.ir_passes);
    generator.optimise(code);
  }
  if (debug_level_ >= 4) module.print(llvm::errs(), nullptr);
  if (debug_level_ >= 5) {
    const auto assembly = generator.assembly(code);
    llvm::errs() << llvm::StringRef(assembly.data(), assembly.size());
  }
  CodeGenerator::Bytes object;
  {
    Stopwatch watch(times_.codegen);
    object = generator.object(code);
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
