// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tools/debug/arguments.h"

#include <set>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/print.h"
#include "ir/substitute.h"
#include "runtime/safetensors.h"
#include "tools/fuzz/random.h"

namespace rondo::tools {

using runtime::Array;
using runtime::Bfloat16;

const ir::Function& find_entry(const ir::Module& module, const std::string& entry, const std::string& file) {
  if (entry.empty() && module.functions.size() == 1) return *module.functions[0];
  if (const ir::Function* function = module.find(entry)) return *function;
  std::string names;
  for (const auto& function : module.functions) names += " @" + function->name;
  throw Error(file + ": " +
              (entry.empty() ? "--entry must say which function to run" : "there is no @" + entry) +
              "; there are:" + names);
}

namespace {

Arrays read_arguments(const std::string& path, const backends::Signature& signature) {
  runtime::TensorFile file = runtime::read_safetensors(path);
  Arrays arrays;
  for (const auto& param : signature.params) {
    const auto found = file.tensors.find(param.name);
    if (found == file.tensors.end())
      throw Error(path + ": there is no tensor '" + param.name + "', which @" + signature.function +
                  " takes as " + param.type.text());
    arrays.push_back(std::move(found->second));
    file.tensors.erase(found);
  }
  if (!file.tensors.empty())
    throw Error(path + ": @" + signature.function + " has no parameter '" + file.tensors.begin()->first +
                "'");
  return arrays;
}

// What was given, and the derived sizes.
Sizes checked_sizes(Sizes sizes, const backends::Signature& signature) {
  std::set<std::string> symbols;
  for (const auto& param : signature.params)
    for (Dim dim : param.type.dims)
      for (const std::string& symbol : dim.symbols()) symbols.insert(symbol);
  for (const ir::DerivedSize& size : signature.derived) {
    if (!size.chosen && sizes.contains(size.name))
      throw Error("--bind: the size " + size.name + " is " + ir::quotient_text(size) + ", it is not given");
    symbols.erase(size.name);
  }
  for (const std::string& symbol : symbols)
    if (sizes.count(symbol) == 0) throw Error("--bind must give " + symbol + " a size");
  for (const auto& [symbol, size] : sizes)
    if (symbols.count(symbol) == 0)
      throw Error("--bind: no parameter of @" + signature.function + " has the dim " + symbol);
  ir::derive(sizes, signature.derived);
  return sizes;
}

Arrays draw_arguments(const backends::Signature& signature, const Sizes& given, uint64_t seed) {
  const Sizes sizes = checked_sizes(given, signature);
  fuzz::Random random(seed);
  Arrays arrays;
  for (const auto& param : signature.params) {
    Array array =
        Array::uninitialised(backends::element_type(param.type.dtype), backends::shape_of(param.type, sizes));
    for (int64_t i = 0; i < array.size(); ++i) switch (param.type.dtype.id()) {
        case DType::kF32:
          array.data<float>()[i] = static_cast<float>(random.normal());
          break;
        case DType::kF64:
          array.data<double>()[i] = random.normal();
          break;
        case DType::kBf16:
          array.data<Bfloat16>()[i] = Bfloat16::nearest(static_cast<float>(random.normal()));
          break;
        case DType::kI32:
          array.data<int32_t>()[i] = static_cast<int32_t>(random.below(2));
          break;
        case DType::kI64:
          array.data<int64_t>()[i] = random.below(2);
          break;
        case DType::kI1:
          array.data<bool>()[i] = random.below(2) == 1;
          break;
      }
    arrays.push_back(std::move(array));
  }
  return arrays;
}

}  // namespace

Arrays ArgumentSource::arguments(const backends::Signature& signature) const {
  return file.empty() ? draw_arguments(signature, sizes, seed) : read_arguments(file, signature);
}

std::unique_ptr<ir::Function> ArgumentSource::choose(const ir::Function& function) {
  Sizes chosen;
  for (const ir::DerivedSize& size : function.derived)
    if (auto given = size.chosen ? sizes.extract(size.name) : Sizes::node_type(); !given.empty())
      chosen.insert(std::move(given));
  auto copy = ir::clone_function(function, function.name);
  ir::substitute(*copy, chosen);
  return copy;
}

Arrays run(const backends::Executable& executable, Arrays arguments) {
  std::vector<Array*> pointers;
  for (Array& array : arguments) pointers.push_back(&array);
  return executable.run(pointers);
}

}  // namespace rondo::tools
