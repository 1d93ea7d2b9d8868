// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/optimizers.h"

#include <tuple>

#include "rondo/functions.h"
#include "rondo/param.h"

namespace rondo {

Optimizer sgd(double rate, double momentum, Loc loc) {
  return [=](const std::vector<Trained>& parameters) {
    CalledFrom here(loc);
    for (const auto& [name, x, g] : parameters) {
      if (momentum == 0) {
        update(x, x - rate * g);
        continue;
      }
      const Tensor velocity = state("sgd.v." + name, x.type());
      const Tensor v = momentum * velocity + g;
      update(velocity, v);
      update(x, x - rate * v);
    }
  };
}

Optimizer adam(double rate, double beta1, double beta2, double epsilon, Loc loc) {
  return [=](const std::vector<Trained>& parameters) {
    CalledFrom here(loc);
    // In double: 1 - 0.999^t in single would be wrong in the fifth digit.
    const Tensor t = cast(detail::steps_done(loc) + 1, f64);
    const Tensor step64 = rate / (1 - pow(beta1, t)), step32 = cast(step64, f32);
    const Tensor root64 = 1 / sqrt(1 - pow(beta2, t)), root32 = cast(root64, f32);
    for (const auto& [name, x, g] : parameters) {
      const Tensor m_before = state("adam.m." + name, x.type()), v_before = state("adam.v." + name, x.type());
      const Tensor m = beta1 * m_before + (1 - beta1) * g;
      const Tensor v = beta2 * v_before + (1 - beta2) * g * g;
      update(m_before, m);
      update(v_before, v);
      const auto& [step, root] = x.dtype() == f64 ? std::tie(step64, root64) : std::tie(step32, root32);
      update(x, x - step * m / (sqrt(v) * root + epsilon));
    }
  };
}

Optimizer clip_by_global_norm(double max_norm, Optimizer then, Loc loc) {
  return [=](std::vector<Trained> parameters) {
    {
      CalledFrom here(loc);
      Tensor squares = zeros({});
      for (const Trained& p : parameters) squares = squares + sum(cast(p.gradient * p.gradient, f32));
      const Tensor scale = min(1, max_norm / (sqrt(squares) + 1e-6));
      for (Trained& p : parameters) p.gradient = p.gradient * cast(scale, p.gradient.dtype());
    }
    then(parameters);
  };
}

}  // namespace rondo
