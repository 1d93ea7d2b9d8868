// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "ir/graph.h"

namespace rondo::passes {

struct JvpOptions {
  /// The parameters, by position, that have a tangent: all float ones if not given.
  std::optional<std::vector<int>> wrt = {};
};

/// The Jacobian-vector product of @F as a function @F.jvp: takes the parameters of F, then a tangent for each
/// parameter in `wrt`, in order; returns the results of F, then the tangent of each float result, in order: 0
/// where nothing moves it.
///
/// It follows from the rows' one derivative fact, as vjp does, and can be differentiated again, in either mode.
/// Throws Error if a parameter in `wrt` is no float, or an op on the way has no derivative forward.
std::unique_ptr<ir::Function> jvp(const ir::Function& function, const JvpOptions& options = {});

}  // namespace rondo::passes
