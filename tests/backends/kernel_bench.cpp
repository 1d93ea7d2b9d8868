// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/backends/kernel_bench.h"

#include <doctest/doctest.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <chrono>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <set>

#include "backends/llvm/prebuilt.h"
#include "backends/signature.h"
#include "ir/ops/support.h"
#include "tests/backends/guarded.h"

namespace rondo::codegen {

using ir::HostArray;

namespace {

constexpr std::int64_t kOpNumber = 7;

HostArray allocate(const Type& type, const Sizes& sizes) {
  return {type.dtype, backends::shape_of(type, sizes)};
}

template <class T>
bool same(T a, T b) {
  return std::memcmp(&a, &b, sizeof a) == 0 || (a != a && b != b);
}

std::string element_text(const HostArray& array, std::int64_t at) {
  std::string text;
  ir::visit_elements(array, [&](const auto* x) { text = std::to_string(x[at]); });
  return text;
}

// The first operand that is the same value as operand i.
int first_equal(const ir::Op& op, size_t i) {
  return static_cast<int>(std::find(op.operands.begin(), op.operands.end(), op.operands[i]) -
                          op.operands.begin());
}

// The first element that differs, or -1.
std::int64_t first_difference(const HostArray& a, const HostArray& b) {
  std::int64_t at = -1;
  ir::visit_elements(a, [&]<class T>(const T* x) {
    for (std::int64_t i = 0; at < 0 && i < a.size(); ++i)
      if (!same(x[i], b.data<T>()[i])) at = i;
  });
  return at;
}

// void entry(ptr context, i64 op_number, ptr buffers, ptr sizes): calls the kernel with what they hold.
void emit_entry(const CodeModule& code, const KernelCall& call, size_t buffers, const std::string& name) {
  llvm::IRBuilder<> b(code.context());
  llvm::Type* pointer = b.getPtrTy();
  auto* type = llvm::FunctionType::get(b.getVoidTy(), {pointer, b.getInt64Ty(), pointer, pointer}, false);
  auto* entry = llvm::Function::Create(type, llvm::Function::ExternalLinkage, name, code.module());
  b.SetInsertPoint(llvm::BasicBlock::Create(b.getContext(), "entry", entry));
  llvm::SmallVector<llvm::Value*> args = {entry->getArg(0), entry->getArg(1)};
  for (size_t i = 0; i < buffers; ++i)
    args.push_back(b.CreateLoad(pointer, b.CreateConstGEP1_64(pointer, entry->getArg(2), i)));
  for (size_t i = 0; i < call.sizes.size(); ++i)
    args.push_back(b.CreateLoad(b.getInt64Ty(), b.CreateConstGEP1_64(b.getInt64Ty(), entry->getArg(3), i)));
  b.CreateCall(code.module().getFunction(call.function), args);
  b.CreateRetVoid();
}

}  // namespace

KernelBench::KernelBench(const Target& target)
    : function("bench"), b(function.body), library_(std::span(&code_, 1), target), jit_(target) {}

ir::Op* KernelBench::add(const ir::OpRow& row, const std::vector<Type>& operands, std::vector<ir::Attr> attrs,
                         std::vector<Type> declared) {
  ir::Values values;
  for (const Type& type : operands) values.push_back(param(type));
  return b.emit(row, values, std::move(attrs), std::move(declared));
}

void KernelBench::compile() {
  for (const auto& op : function.body.ops) {
    cases_.push_back({op.get(), library_.get(*op), "entry" + std::to_string(cases_.size())});
    emit_entry(code_, cases_.back().call, op->operands.size() + op->results.size(), cases_.back().name);
  }
  jit_.add(std::move(code_));
  for (Case& test : cases_) test.entry = jit_.lookup<Entry>(test.name);
}

size_t KernelBench::functions() const {
  std::set<std::string> distinct;
  for (const Case& test : cases_) distinct.insert(test.call.function);
  return distinct.size();
}

const KernelBench::Case& KernelBench::find(const ir::Op& op) const {
  const auto found =
      std::find_if(cases_.begin(), cases_.end(), [&](const Case& test) { return test.op == &op; });
  REQUIRE(found != cases_.end());
  return *found;
}

void KernelBench::check(const Sizes& sizes, unsigned seed) {
  for (const Case& test : cases_) check(test, sizes, seed, -1, -1);
}

void KernelBench::check_in_place(const ir::Op& op, int operand, int result, const Sizes& sizes,
                                 unsigned seed) {
  check(find(op), sizes, seed, operand, result);
}

std::vector<HostArray> KernelBench::operands(const Case& test, const Sizes& sizes, unsigned seed) const {
  Random random(seed);
  std::vector<HostArray> in;
  for (size_t i = 0; i < test.op->operands.size(); ++i) {
    const int same = first_equal(*test.op, i);
    in.push_back(allocate(test.op->operands[i]->type, sizes));
    if (same < static_cast<int>(i))
      in[i] = in[same];
    else
      fill(same, in[i], random);
  }
  return in;
}

void KernelBench::check(const Case& test, const Sizes& sizes, unsigned seed, int shared_operand,
                        int shared_result) {
  const std::vector<HostArray> in = operands(test, sizes, seed);
  std::vector<const HostArray*> pointers;
  for (const HostArray& array : in) pointers.push_back(&array);
  ir::ErrorRecord expected_error, found_error;
  const std::vector<HostArray> expected = evaluate(*test.op, pointers, sizes, kOpNumber, expected_error);
  std::vector<HostArray> found;
  run(test, sizes, in, found, found_error, seed % 2 == 0, shared_operand, shared_result);

  std::string types;
  for (const ir::Value* operand : test.op->operands) types += operand->type.text() + " ";
  for (const auto& [symbol, size] : sizes) types += symbol + "=" + std::to_string(size) + " ";
  CAPTURE(name(jit_.target().isa));
  CAPTURE(test.op->row->name);
  CAPTURE(types);
  CHECK(expected_error.set == found_error.set);
  if (expected_error.set && found_error.set) {
    CHECK(expected_error.op == found_error.op);
    CHECK(expected_error.position == found_error.position);
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::int64_t at = first_difference(expected[i], found[i]);
    if (at < 0) continue;
    CAPTURE(element_text(expected[i], at));
    CAPTURE(element_text(found[i], at));
    CHECK_MESSAGE(at < 0, "result ", i, " differs at element ", at);
  }
}

void KernelBench::run(const Case& test, const Sizes& sizes, const std::vector<HostArray>& in,
                      std::vector<HostArray>& out, ir::ErrorRecord& error, bool at_end, int shared_operand,
                      int shared_result) {
  std::vector<std::unique_ptr<Guarded<std::byte>>> memory;
  std::vector<void*> buffers;
  for (size_t i = 0; i < in.size(); ++i) {
    memory.push_back(std::make_unique<Guarded<std::byte>>(in[i].bytes.size(), at_end));
    std::copy(in[i].bytes.begin(), in[i].bytes.end(), memory.back()->data());
    buffers.push_back(memory[first_equal(*test.op, i)]->data());
  }
  for (size_t i = 0; i < test.op->results.size(); ++i) {
    out.push_back(allocate(test.op->result(static_cast<int>(i))->type, sizes));
    if (static_cast<int>(i) == shared_result) {
      buffers.push_back(buffers[shared_operand]);
    } else {
      memory.push_back(std::make_unique<Guarded<std::byte>>(out.back().bytes.size(), at_end));
      std::fill(memory.back()->begin(), memory.back()->end(), std::byte{0x5a});
      buffers.push_back(memory.back()->data());
    }
  }
  std::vector<std::int64_t> symbols;
  for (Dim dim : test.call.sizes) symbols.push_back(dim.evaluate(sizes));
  std::vector<ir::Kernel> called = library_.called();
  Guarded<std::byte> scratch((library_.scratch_bytes() + 63) / 64 * 64, true);
  runtime::ErrorWord word;
  RunContext context{&word, rondo_record_error, called.data(), scratch.data()};
  context.prebuilt = &prebuilt_kernels(jit_.target().isa);
  test.entry(&context, kOpNumber, buffers.data(), symbols.data());
  for (size_t i = 0; i < out.size(); ++i)
    std::copy_n(static_cast<const std::byte*>(buffers[in.size() + i]), out[i].bytes.size(),
                out[i].bytes.data());
  if (word.set()) error.record(word.op, word.position);
}

double KernelBench::time(const ir::Op& op, const Sizes& sizes) {
  const Case& test = find(op);
  std::vector<HostArray> arrays = operands(test, sizes, 1);
  for (const auto& result : op.results) arrays.push_back(allocate(result->type, sizes));
  std::vector<void*> buffers;
  for (HostArray& array : arrays) buffers.push_back(array.bytes.data());
  std::vector<std::int64_t> symbols;
  for (Dim dim : test.call.sizes) symbols.push_back(dim.evaluate(sizes));
  std::vector<ir::Kernel> called = library_.called();
  std::vector<std::byte> scratch(library_.scratch_bytes() + 64);
  void* aligned = scratch.data() + (64 - reinterpret_cast<std::uintptr_t>(scratch.data()) % 64);
  runtime::ErrorWord word;
  RunContext context{&word, rondo_record_error, called.data(), aligned};
  context.prebuilt = &prebuilt_kernels(jit_.target().isa);
  using Clock = std::chrono::steady_clock;
  double best = std::numeric_limits<double>::infinity();
  for (int round = 0; round < 50; ++round) {
    const auto start = Clock::now();
    constexpr int kRuns = 20;
    for (int i = 0; i < kRuns; ++i) test.entry(&context, 0, buffers.data(), symbols.data());
    best = std::min(best, std::chrono::duration<double, std::nano>(Clock::now() - start).count() / kRuns);
  }
  return best;
}

void KernelBench::random_elements(int operand, HostArray& array, Random& random) {
  if (array.dtype == bf16) {  // and any bits
    HostArray wide(f32, array.shape);
    random_elements(operand, wide, random);
    for (std::int64_t i = 0; i < array.size(); ++i) {
      ir::Bfloat16& element = array.data<ir::Bfloat16>()[i];
      element = ir::Bfloat16(wide.data<float>()[i]);
      if (random() % 8 == 0) element.bits = static_cast<std::uint16_t>(random());
    }
    return;
  }
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  ir::visit_elements(array, [&]<class T>(T* x) {
    for (std::int64_t i = 0; i < array.size(); ++i) {
      using Limits = std::numeric_limits<T>;
      if constexpr (std::is_same_v<T, bool>) {
        x[i] = one_in(2);
      } else if constexpr (std::is_integral_v<T>) {
        const T special[] = {0, 1, T{-1}, Limits::min(), Limits::max(), T{31}, T{32}, T{64}};
        x[i] = one_in(3) ? special[random() % 8] : static_cast<T>(random() % 41) - 20;
        if (one_in(8)) x[i] = static_cast<T>((std::uint64_t{random()} << 32) + random());
      } else if constexpr (std::is_floating_point_v<T>) {
        using L = Limits;
        const T inf = L::infinity(), tiny = L::denorm_min(), huge = L::max();
        const T special[] = {0,     -T{0},        0, -T{0}, inf,  -inf, L::quiet_NaN(), tiny,
                             -tiny, L::min() / 2, 1, huge,  -huge};
        const T beyond_integers[] = {T(2147483648.0), T(-2147483648.0), T(1e10), T(-9.3e18),
                                     T(9223372036854775808.0)};
        x[i] = static_cast<T>(static_cast<int>(random() % 20001) - 10000) / T(1500);
        if (one_in(4)) x[i] = special[random() % std::size(special)];
        if (one_in(32)) x[i] = beyond_integers[random() % std::size(beyond_integers)];
      }
    }
  });
}

ir::Op* make_fusion(ir::Builder& b, const ir::Values& operands,
                    const std::function<ir::Values(ir::Builder& b, const ir::Values& params)>& build) {
  auto body = std::make_unique<ir::Graph>(&b.function());
  ir::Values params;
  for (const ir::Value* operand : operands) params.push_back(body->add_param(operand->type));
  ir::Builder inner(*body);
  body->results = build(inner, params);
  std::vector<std::unique_ptr<ir::Graph>> regions;
  regions.push_back(std::move(body));
  return b.emit_region(ir::ops::fusion, operands, {static_cast<int>(operands.size())}, {}, std::move(regions),
                       {});
}

std::vector<HostArray> evaluate(const ir::Op& op, const std::vector<const HostArray*>& in, const Sizes& sizes,
                                std::int64_t op_number, ir::ErrorRecord& error) {
  if (op.row != &ir::ops::fusion) {
    std::vector<HostArray> out;
    for (const auto& result : op.results) out.push_back(allocate(result->type, sizes));
    op.row->evaluate({op, in, out, sizes, op_number, error});
    return out;
  }
  const ir::Graph& body = *op.regions[0];
  std::map<const ir::Value*, HostArray> values;
  for (size_t i = 0; i < in.size(); ++i) values[body.params[i].get()] = *in[i];
  for (const auto& inner : body.ops) {
    std::vector<const HostArray*> args;
    for (const ir::Value* operand : inner->operands) args.push_back(&values.at(operand));
    std::vector<HostArray> out = evaluate(*inner, args, sizes, op_number, error);
    for (size_t i = 0; i < out.size(); ++i) values[inner->results[i].get()] = std::move(out[i]);
  }
  std::vector<HostArray> results;
  for (const ir::Value* value : body.results) results.push_back(values.at(value));
  return results;
}

}  // namespace rondo::codegen
