// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/weights.h"

#include "frontend/src/pytorch.h"
#include "runtime/safetensors.h"
#include "runtime/text.h"

namespace rondo {

using runtime::quoted;

namespace {

[[noreturn]] void fail(Loc loc, const std::string& what) { throw Error(loc.text() + ": " + what); }

// The frontend is where a failure of the runtime becomes the user's error, with the user's line.
template <class Call>
auto translated(Loc loc, Call&& call) {
  try {
    return call();
  } catch (const runtime::Failure& failure) {
    fail(loc, failure.what());
  }
}

// One line for each weight that does not fit; empty if all do. A state whose sizes the call decides always
// fits.
std::string misfits(const std::map<std::string, Array>& expected, const std::set<std::string>& unsized,
                    const std::map<std::string, Array>& found) {
  std::string lines;
  for (const auto& [name, array] : expected) {
    if (unsized.contains(name)) continue;
    const auto at = found.find(name);
    if (at == found.end())
      lines += "\n  " + quoted(name) + ": expected " + type_text(array) + ", but the file has none";
    else if (at->second.type() != array.type() || at->second.shape() != array.shape())
      lines += "\n  " + quoted(name) + ": expected " + type_text(array) + ", found " + type_text(at->second);
  }
  for (const auto& [name, array] : found)
    if (!expected.contains(name) && !unsized.contains(name))
      lines += "\n  " + quoted(name) + ": " + type_text(array) + " in the file is no weight of this model";
  return lines;
}

}  // namespace

const Array& Weights::at(const std::string& name, Loc loc) const {
  const auto found = arrays_.find(name);
  if (found != arrays_.end()) return found->second;
  std::string names;
  for (const auto& [other, array] : arrays_) names += (names.empty() ? "" : ", ") + quoted(other);
  fail(loc, "there is no weight " + quoted(name) + "; there are: " + names);
}

Array& Weights::at(const std::string& name, Loc loc) {
  return const_cast<Array&>(static_cast<const Weights&>(*this).at(name, loc));
}

void Weights::set(const std::string& name, Array array) { arrays_[name] = std::move(array); }

void Weights::set_unsized(const std::string& name) { unsized_.insert(name); }

void Weights::set_pytorch_form(const std::string& name, PytorchForm form) {
  pytorch_forms_[name] = std::move(form);
}

void Weights::reset(const std::string& name, Loc loc) {
  if (!unsized_.contains(name)) fail(loc, "reset: '" + name + "' is no state whose sizes the call decides");
  arrays_.erase(name);
}

std::map<std::string, Array> Weights::pytorch_tensors(Loc loc) const {
  if (pytorch_forms_.empty())
    fail(loc,
         "PyTorch's layout is known of weights that come from init(seed): call that, and load a file into "
         "them");
  return translated(loc, [&] { return detail::to_pytorch(pytorch_forms_, arrays_, loc); });
}

void Weights::save(const std::string& path, FileOptions options, Loc loc) const {
  const bool as_pytorch = options.layout == Layout::pytorch;
  translated(loc, [&] {
    runtime::write_safetensors(path, {as_pytorch ? pytorch_tensors(loc) : arrays_, metadata});
  });
}

void Weights::load(const std::string& path, FileOptions options, Loc loc) {
  const bool as_pytorch = options.layout == Layout::pytorch;
  runtime::TensorFile file = translated(loc, [&] { return runtime::read_safetensors(path); });
  const std::string lines =
      as_pytorch ? misfits(pytorch_tensors(loc), {}, file.tensors) : misfits(arrays_, unsized_, file.tensors);
  if (!lines.empty()) fail(loc, "the weights in " + quoted(path) + " do not fit the model:" + lines);
  if (as_pytorch) {
    auto parameters =
        translated(loc, [&] { return detail::from_pytorch(pytorch_forms_, arrays_, file.tensors); });
    for (auto& [name, array] : parameters) arrays_.at(name) = std::move(array);
  } else {
    arrays_ = std::move(file.tensors);
  }
  metadata = std::move(file.metadata);
}

Weights Weights::read(const std::string& path, Loc loc) {
  runtime::TensorFile file = translated(loc, [&] { return runtime::read_safetensors(path); });
  Weights weights;
  weights.arrays_ = std::move(file.tensors);
  weights.metadata = std::move(file.metadata);
  return weights;
}

}  // namespace rondo
