// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <stdexcept>
#include <string>

namespace rondo {

/// The user's mistake: a model, a file, a size or a flag. The text names the place (file:line or
/// line:column), what was expected and what was found.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Our mistake: an invariant of Rondo does not hold. The text names the pass or component.
class InternalError : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

}  // namespace rondo
