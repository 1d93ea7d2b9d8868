// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ir/graph.h"

namespace rondo::passes {

struct VjpOptions {
  /// The parameters, by position, to differentiate with respect to: all float ones if not given. Cotangents
  /// of others are not built.
  std::optional<std::vector<int>> wrt = {};
};

/// The vector-Jacobian product of @F as a function @F.vjp: takes the parameters of F, then a cotangent for
/// each float result in order; returns a cotangent for each parameter in `wrt`, in order: -0.0 where nothing
/// flows.
///
/// The order of sums is law (docs/design.md): the cotangents of a value are added in reverse program order,
/// and the gradient of a scan has the bits of the gradient of the unrolled scan. The result can be
/// differentiated again. Throws Error if a parameter in `wrt` is no float, or an op on the way can't be
/// differentiated.
std::unique_ptr<ir::Function> vjp(const ir::Function& function, const VjpOptions& options = {});

/// The parameters that a derivative may be taken by, by position: those of a float type.
std::vector<int> float_params(const ir::Function& function);
/// Throws Error if one in `wrt` is none of these.
void check_wrt(const ir::Function& function, std::span<const int> wrt);

/// @F.value_and_grad: takes the parameters of F; returns the results of F, then the gradient of the first of
/// them, which must be a float scalar, with respect to each parameter in `wrt`. Throws Error as vjp does.
std::unique_ptr<ir::Function> value_and_grad(const ir::Function& function, std::span<const int> wrt);

}  // namespace rondo::passes
