// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <map>
#include <string>

#include "rondo/array.h"
#include "rondo/pytorch.h"

namespace rondo::detail {

/// The tensors that hold parameters of these forms in PyTorch's layout. Every form has its array. Throws Error
/// if parts of several parameters that go by one name do not make up a tensor.
std::map<std::string, Array> to_pytorch(const std::map<std::string, PytorchForm>& forms,
                                        const std::map<std::string, Array>& arrays, Loc loc);

/// The parameters, with the types and shapes of `arrays`, from tensors as to_pytorch makes them of those.
std::map<std::string, Array> from_pytorch(const std::map<std::string, PytorchForm>& forms,
                                          const std::map<std::string, Array>& arrays,
                                          const std::map<std::string, Array>& tensors);

}  // namespace rondo::detail
