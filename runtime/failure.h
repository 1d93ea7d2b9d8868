// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <stdexcept>

namespace rondo::runtime {

/// What this library throws when its caller, a file or the machine asks for something that can't be done. The
/// text is one plain sentence; a caller that knows the user's file and line puts them in front.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace rondo::runtime
