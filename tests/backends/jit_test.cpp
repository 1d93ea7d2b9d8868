// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "backends/llvm/jit.h"

#include <doctest/doctest.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "backends/llvm/codegen/dot_kernel.h"
#include "backends/llvm/codegen/target.h"
#include "ir/error.h"

using namespace rondo;
using namespace rondo::codegen;

namespace {

CodeModule lanes_module(const Target& target, const char* name) {
  CodeModule code("test");
  emit_lanes_dot_kernel(code, target, runtime::ElementType::f32, name);
  return code;
}

float sum_of_products(LanesDotFunction<float>* function) {
  std::vector<float> a(20, 2.f), b(20, 3.f);
  float c = 0;
  function(a.data(), b.data(), &c, 1, 20, 0, 0, 1);
  return c;
}

/// The permissions of the mapping that holds the address, as in "r-xp"; empty if there is none.
std::string permissions(const void* address) {
  std::ifstream maps("/proc/self/maps");
  auto wanted = reinterpret_cast<std::uintptr_t>(address);
  for (std::string line; std::getline(maps, line);) {
    unsigned long begin = 0, end = 0;
    char flags[5] = {};
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, flags) == 3 && begin <= wanted && wanted < end)
      return flags;
  }
  return "";
}

}  // namespace

TEST_CASE("target: names, sizes of vectors, and errors") {
  Target base = select_target("base");
  CHECK(base.vector_bytes == 16);
  CHECK(base.lanes(8) == 2);
  CHECK(name(Isa::avx512) == "avx512");
  CHECK(name(Isa::avx512bf16) == "avx512bf16");
  CHECK(select_target().isa == host_isa());
  CHECK(select_target("native").isa == host_isa());
  CHECK(supported_targets().front().isa == host_isa());
  CHECK(supported_targets().back().isa == Isa::base);
  CHECK_THROWS_WITH_AS(
      select_target("avx9"),
      "RONDO_ISA=avx9: no such instruction set; known are base, avx2, avx512, avx512bf16, native", Error);
  if (host_isa() >= Isa::avx512) {
    CHECK(select_target("avx512").vector_registers == 32);
    CHECK(select_target("avx2").vector_bytes == 32);
  } else {
    CHECK_THROWS_WITH_AS(
        select_target("avx512"),
        ("RONDO_ISA=avx512: this CPU has no more than " + std::string(name(host_isa()))).c_str(), Error);
  }
}

TEST_CASE("jit: compiles, counts its time and finds functions by name") {
  Target target = select_target();
  Jit jit(target);
  jit.add(lanes_module(target, "first"));
  double after_one = jit.times().total();
  CHECK(jit.times().ir_passes > 0);
  CHECK(jit.times().codegen > 0);
  CHECK(jit.times().link > 0);
  jit.add(lanes_module(target, "second"));
  CHECK(jit.times().total() > after_one);
  CHECK(sum_of_products(jit.lookup<LanesDotFunction<float>>("first")) == 120.f);
  CHECK(sum_of_products(jit.lookup<LanesDotFunction<float>>("second")) == 120.f);
  CHECK(jit.lookup("first") != jit.lookup("second"));
  CHECK_THROWS_AS(jit.lookup("third"), InternalError);
  CHECK_THROWS_AS(jit.add(lanes_module(target, "first")), InternalError);
}

TEST_CASE("jit: modules that are added together call each other") {
  const Target target = select_target();
  const auto calls = [](const char* caller, const char* callee) {
    CodeModule code(caller);
    llvm::IRBuilder<> b(code.context());
    auto* type = llvm::FunctionType::get(b.getInt32Ty(), {b.getInt32Ty()}, false);
    auto* function = llvm::Function::Create(type, llvm::Function::ExternalLinkage, caller, code.module());
    auto* entry = llvm::BasicBlock::Create(code.context(), "entry", function);
    b.SetInsertPoint(entry);
    llvm::Value* x = function->getArg(0);
    if (callee != nullptr) x = b.CreateCall(code.module().getOrInsertFunction(callee, type), {x});
    b.CreateRet(b.CreateAdd(x, b.getInt32(1)));
    return code;
  };
  Jit jit(target);
  std::vector<CodeModule> modules;
  modules.push_back(calls("a", "b"));
  modules.push_back(calls("c", nullptr));
  modules.push_back(calls("b", "c"));
  jit.add(std::move(modules));
  CHECK(jit.lookup<int(int)>("a")(39) == 42);
  CHECK(jit.lookup<int(int)>("c")(39) == 40);

  std::vector<CodeModule> bad;
  bad.push_back(calls("d", nullptr));
  bad.emplace_back("bad");
  auto& context = bad.back().context();
  auto* type = llvm::FunctionType::get(llvm::Type::getVoidTy(context), false);
  auto* endless = llvm::Function::Create(type, llvm::Function::ExternalLinkage, "e", bad.back().module());
  llvm::BasicBlock::Create(context, "entry", endless);
  CHECK_THROWS_AS(jit.add(std::move(bad)), InternalError);
  CHECK_THROWS_AS(jit.add(calls("f", "nowhere")), Error);
}

TEST_CASE("jit: code is executable, never writable, and unmapped with its owner") {
  Target target = select_target();
  std::optional<Jit> jit(std::in_place, target);
  jit->add(lanes_module(target, "f"));
  void* code = jit->lookup("f");
  CHECK(permissions(code) == "r-xp");
  jit.reset();
  CHECK(permissions(code) == "");
}

TEST_CASE("jit: compilers in several threads do not disturb each other") {
  std::vector<float> results(4);
  std::vector<std::thread> threads;
  for (float& result : results)
    threads.emplace_back([&result] {
      Target target = select_target();
      Jit jit(target);
      jit.add(lanes_module(target, "f"));
      result = sum_of_products(jit.lookup<LanesDotFunction<float>>("f"));
    });
  for (std::thread& thread : threads) thread.join();
  for (float result : results) CHECK(result == 120.f);
}
