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
#include <exception>
#include <system_error>
#include <thread>

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

// A module on its way to an object file.
struct Compilation {
  Compilation(const Target& target, const CodeModule& code, int debug_level)
      : generator(target), code(code), debug_level(debug_level) {}

  CodeGenerator generator;  // LLVM's is for one thread
  const CodeModule& code;
  const int debug_level;
  CompileTimes times;
  CodeGenerator::Bytes object;
  std::string a_function;  // that can be looked up
  std::exception_ptr failure;

  void run() noexcept try {
    const llvm::Module& module = code.module();
    for (const llvm::Function& function : module)
      if (a_function.empty() && !function.isDeclaration() && function.hasExternalLinkage())
        a_function = function.getName();
    {
      Stopwatch watch(times.ir_passes);
      generator.optimise(code);
    }
    if (debug_level >= 4) module.print(llvm::errs(), nullptr);
    if (debug_level >= 5) {
      const auto assembly = generator.assembly(code);
      llvm::errs() << llvm::StringRef(assembly.data(), assembly.size());
    }
    Stopwatch watch(times.codegen);
    object = generator.object(code);
  } catch (...) {
    failure = std::current_exception();
  }
};

// At once, on threads of their own: those of runtime/workers.h are for runs, which others may be at meanwhile. The
// calling thread takes the first, and what no thread could be had for.
void run_at_once(const std::vector<std::unique_ptr<Compilation>>& compilations) {
  std::vector<std::jthread> threads;
  try {
    while (threads.size() + 1 < compilations.size())
      threads.emplace_back([&compilation = *compilations[threads.size() + 1]] { compilation.run(); });
  } catch (const std::system_error&) {
  }
  const size_t taken = threads.size() + 1;
  compilations.front()->run();
  for (size_t i = taken; i < compilations.size(); ++i) compilations[i]->run();
}

}  // namespace

struct Jit::Session {
  llvm::orc::ExecutionSession session;
  llvm::orc::ObjectLinkingLayer linker;
  llvm::orc::JITDylib& library;

  explicit Session(std::unique_ptr<llvm::orc::ExecutorProcessControl> process)
      : session(std::move(process)), linker(session), library(session.createBareJITDylib("rondo")) {
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
  session_ = std::make_unique<Session>(std::move(*process));
}

Jit::~Jit() = default;

void Jit::add(CodeModule module) {
  std::vector<CodeModule> modules;
  modules.push_back(std::move(module));
  add(std::move(modules));
}

void Jit::add(std::vector<CodeModule> modules) {
  std::vector<std::unique_ptr<Compilation>> compilations;
  for (const CodeModule& module : modules)
    if (!module.module().empty())
      compilations.push_back(std::make_unique<Compilation>(target_, module, debug_level_));
  if (compilations.empty()) return;
  if (debug_level_ >= 4)  // they print
    for (const auto& compilation : compilations) compilation->run();
  else
    run_at_once(compilations);
  CompileTimes longest;
  for (const auto& compilation : compilations) {
    if (compilation->failure != nullptr) std::rethrow_exception(compilation->failure);
    if (compilation->times.total() > longest.total()) longest = compilation->times;
  }
  times_.ir_passes += longest.ir_passes;
  times_.codegen += longest.codegen;

  Stopwatch watch(times_.link);
  for (const auto& compilation : compilations) {
    auto buffer = std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(compilation->object),
                                                                  compilation->code.module().getName(),
                                                                  /*RequiresNullTerminator=*/false);
    if (auto error = session_->linker.add(session_->library, std::move(buffer)))
      throw InternalError("llvm: " + text(std::move(error)));
  }
  // ORC links when a symbol is first asked for; asking now keeps its failures and its time here.
  for (const auto& compilation : compilations) {
    if (compilation->a_function.empty()) continue;
    auto linked = session_->find(compilation->a_function);
    if (!linked) throw Error("can't load compiled code: " + text(linked.takeError()));
  }
}

void* Jit::lookup(std::string_view name) {
  auto symbol = session_->find(name);
  if (!symbol) throw InternalError("llvm: " + text(symbol.takeError()));
  return symbol->getAddress().toPtr<void*>();
}

}  // namespace rondo::codegen
