// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <map>
#include <set>
#include <string>

#include "ir/error.h"
#include "ir/loc.h"
#include "rondo/array.h"
#include "rondo/pytorch.h"

namespace rondo {

/// How weights stand in a file. Rondo's layout holds all of them as they are. PyTorch's holds the parameters as
/// a module's state_dict does, under its names (docs/pytorch-exchange.md), and no states.
enum class Layout { rondo, pytorch };
inline constexpr Layout pytorch = Layout::pytorch;

struct FileOptions {
  Layout layout = Layout::rondo;
};

/// What a compiled function keeps between calls: its parameters and its states (an optimizer's moments, the
/// count of training steps, the seed), by name. `init` of a compiled function makes them.
class Weights {
 public:
  bool contains(const std::string& name) const { return arrays_.contains(name); }
  /// Throws Error if there is no such weight.
  Array& at(const std::string& name, Loc loc = {});
  const Array& at(const std::string& name, Loc loc = {}) const;
  const std::map<std::string, Array>& arrays() const { return arrays_; }
  /// Adds a weight or replaces one.
  void set(const std::string& name, Array array);
  /// Forgets a state whose sizes the caller decides: the next call begins it anew. Throws Error if there is
  /// none.
  void reset(const std::string& name, Loc loc = {});
  /// Adds the name of a state that gets its sizes, and so its first value, from the first call.
  void set_unsized(const std::string& name);
  bool is_unsized(const std::string& name) const { return unsized_.contains(name); }
  /// Says that a weight is a parameter, and how it stands in PyTorch's layout.
  void set_pytorch_form(const std::string& name, PytorchForm form);

  /// Texts that are saved along, such as a vocabulary.
  std::map<std::string, std::string> metadata;

  /// Writes a safetensors file, atomically. PyTorch's layout can be told only of weights that init made. Throws
  /// Error.
  void save(const std::string& path, FileOptions options = {}, Loc loc = {}) const;
  /// Reads a safetensors file into weights that were made by init; from one in PyTorch's layout states stay as
  /// they are. Throws Error, naming all that does not fit (missing, unknown, other type), and then has changed
  /// nothing.
  void load(const std::string& path, FileOptions options = {}, Loc loc = {});
  /// The weights that a file holds, whatever they are; a call checks those that it needs. Throws Error.
  static Weights read(const std::string& path, Loc loc = {});

 private:
  std::map<std::string, Array> pytorch_tensors(Loc loc) const;

  std::map<std::string, Array> arrays_;
  std::set<std::string> unsized_;
  std::map<std::string, PytorchForm> pytorch_forms_;  // of the parameters
};

}  // namespace rondo
