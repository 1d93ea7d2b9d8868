// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "rondo/schedule.h"
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
/// update(parameter.value, ..). One that hands some parameters to one optimizer and the rest to another makes
/// groups.
using Optimizer = std::function<void(const std::vector<Trained>& parameters)>;

// The optimizers below compute what PyTorch's compute. In their formulas x is a parameter, g its gradient,
// `rate` the schedule's at this update, and states begin at 0. A `weight_decay` adds weight_decay * x to g
// before anything else (L2), in adamw alone it is decoupled. They throw Error, when they are made, where an
// option lies outside its range: rates, decays and epsilons are finite and 0 or more, moments' decays are 0
// or more and below 1.

struct SgdOptions {
  double momentum = 0;
  bool nesterov = false;  // asks for a momentum above 0
  double weight_decay = 0;
};
/// v = momentum v + g, and x = x - rate v; with nesterov x = x - rate (g + momentum v). The velocity is the
/// state `sgd.v.<name>`; without momentum there is none.
Optimizer sgd(Schedule rate, SgdOptions options = {}, Loc loc = {});

struct AdamOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
};
/// Adam (Kingma, Ba, 2015, algorithm 1):
///   m = beta1 m + (1 - beta1) g,  v = beta2 v + (1 - beta2) g^2,
///   x = x - rate / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + epsilon), with t counted from 1.
/// The moments are states `adam.m.<name>` and `adam.v.<name>`.
Optimizer adam(Schedule rate, AdamOptions options = {}, Loc loc = {});

struct AdamWOptions {
  double beta1 = 0.9, beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;
};
/// Adam with decoupled weight decay (Loshchilov, Hutter, 2019): x = (1 - rate weight_decay) x, then Adam's
/// step, with g as it is. The moments are states as adam's.
Optimizer adamw(Schedule rate, AdamWOptions options = {}, Loc loc = {});

struct RmspropOptions {
  double decay = 0.99;  // of the mean square; PyTorch's alpha, Keras's rho
  double epsilon = 1e-8;
  double momentum = 0;
  bool centered = false;  // divides by the deviation instead of the root of the mean square
  /// Keras's form: epsilon inside the root, and the rate inside the velocity. Keras's own defaults are
  /// {.decay = 0.9, .epsilon = 1e-7}.
  bool keras = false;
  double weight_decay = 0;
};
/// RMSprop (Hinton, 2012): s = decay s + (1 - decay) g^2; if centered (Graves, 2013), also
/// a = decay a + (1 - decay) g, and s - a^2 takes the place of s below, which is held at 0 or more.
///   v = momentum v + g / (sqrt(s) + epsilon),      x = x - rate v    as PyTorch has it,
///   v = momentum v + rate g / sqrt(s + epsilon),   x = x - v         with keras.
/// States: `rmsprop.s.<name>`, and where used `rmsprop.a.<name>` and `rmsprop.v.<name>`.
Optimizer rmsprop(Schedule rate, RmspropOptions options = {}, Loc loc = {});

struct AdagradOptions {
  double initial = 0;  // what the sum of squares begins as
  double epsilon = 1e-10;
  double weight_decay = 0;
};
/// Adagrad (Duchi, Hazan, Singer, 2011): s = s + g^2, x = x - rate g / (sqrt(s) + epsilon). The sum is the
/// state `adagrad.s.<name>`.
Optimizer adagrad(Schedule rate, AdagradOptions options = {}, Loc loc = {});

/// Brings each element of every gradient into -limit .. limit before `then` sees them; NaN stays NaN. Throws
/// Error unless `limit` is above 0.
Optimizer clip_by_value(double limit, Optimizer then, Loc loc = {});

/// Scales all gradients by min(1, max_norm / (norm + 1e-6)) before `then` sees them, norm being the length of
/// all of them as one vector (Pascanu, Mikolov, Bengio, 2013; the 1e-6 is PyTorch's). Throws Error unless
/// `max_norm` is above 0.
Optimizer clip_by_global_norm(double max_norm, Optimizer then, Loc loc = {});

/// Lets `then` update the weights, and its own states, once in so many calls of the training step, by the mean
/// of their gradients: as one batch that is so many times as large, if all are equally large. Schedules count
/// updates, not calls. States: `accumulate.g.<name>`, the sums, and two counts; a save between updates keeps
/// them. Throws Error unless `batches` is 1 or more.
Optimizer accumulate(int64_t batches, Optimizer then, Loc loc = {});

}  // namespace rondo
