// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "rondo/tensor.h"

namespace rondo {

/// A parameter of the model while a training step is traced, with the gradient of the loss with respect to
/// it.
struct Trained {
  std::string name;  // with its scopes
  Tensor value, gradient;
};

/// The last part of a training step, written in the same language as the model: it is traced behind the
/// gradients, keeps what it must in states, and gives each parameter its next value by
/// update(parameter.value, ..).
using Optimizer = std::function<void(const std::vector<Trained>& parameters)>;

/// v = momentum v + g; x = x - rate v. As PyTorch has it: the velocity v starts at 0 and is not scaled by the
/// rate.
Optimizer sgd(double rate, double momentum = 0, Loc loc = {});

/// Adam (Kingma, Ba, 2015, algorithm 1) as PyTorch has it:
///   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,
///   x = x - rate / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + epsilon), with t counted from 1.
/// The moments are states `adam.m.<name>` and `adam.v.<name>`.
Optimizer adam(double rate, double beta1 = 0.9, double beta2 = 0.999, double epsilon = 1e-8, Loc loc = {});

/// Scales all gradients by min(1, max_norm / (norm + 1e-6)) before `then` sees them, norm being the length of
/// all of them as one vector (Pascanu, Mikolov, Bengio, 2013; the 1e-6 is PyTorch's).
Optimizer clip_by_global_norm(double max_norm, Optimizer then, Loc loc = {});

}  // namespace rondo
