// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/optimizers.h"

#include "frontend/src/options.h"
#include "frontend/src/trace.h"
#include "rondo/functions.h"
#include "rondo/param.h"

namespace rondo {

namespace {

// The rate of this update.
Tensor rate_now(const Schedule& rate, Loc loc) { return rate.at(cast(detail::updates_done(loc), f64), loc); }

// A number of this update, f64[], as an element of the parameter.
Tensor as(const Tensor& number, const Tensor& x) { return cast(number, x.dtype()); }

// L2: the gradient of weight_decay/2 x^2 is added.
Tensor decayed(const Trained& parameter, double weight_decay) {
  return weight_decay == 0 ? parameter.gradient : parameter.gradient + weight_decay * parameter.value;
}

// A running mean that begins at 0: decay * before + (1 - decay) * value, which is kept under `name`.
Tensor running_mean(const std::string& name, double decay, const Tensor& value) {
  const Tensor before = state(name, value.type());
  const Tensor mean = decay * before + (1 - decay) * value;
  update(before, mean);
  return mean;
}

// momentum * before + step, which is kept under `name`.
Tensor velocity(const std::string& name, double momentum, const Tensor& step) {
  if (momentum == 0) return step;
  const Tensor before = state(name, step.type());
  const Tensor v = momentum * before + step;
  update(before, v);
  return v;
}

}  // namespace

Optimizer sgd(Schedule rate, SgdOptions options, Loc loc) {
  detail::check_not_negative("sgd", "momentum", options.momentum, loc);
  detail::check_not_negative("sgd", "weight_decay", options.weight_decay, loc);
  detail::check_option(!options.nesterov || options.momentum > 0, "sgd", "momentum",
                       "above 0 for nesterov, which looks ahead along it", options.momentum, loc);
  return [=, rate = std::move(rate)](const std::vector<Trained>& parameters) {
    CalledFrom here(loc);
    const Tensor now = rate_now(rate, loc);
    for (const Trained& parameter : parameters) {
      const auto& [name, x, gradient] = parameter;
      const Tensor g = decayed(parameter, options.weight_decay);
      const Tensor v = velocity("sgd.v." + name, options.momentum, g);
      update(x, x - as(now, x) * (options.nesterov ? g + options.momentum * v : v));
    }
  };
}

namespace {

enum class Decay { l2, decoupled };

// Adam's moments and bias corrections.
Optimizer adam_of(const std::string& function, Schedule rate, AdamOptions options, Decay decay, Loc loc) {
  detail::check_fraction(function, "beta1", options.beta1, loc);
  detail::check_fraction(function, "beta2", options.beta2, loc);
  detail::check_not_negative(function, "epsilon", options.epsilon, loc);
  detail::check_not_negative(function, "weight_decay", options.weight_decay, loc);
  return [=, rate = std::move(rate)](const std::vector<Trained>& parameters) {
    CalledFrom here(loc);
    // In double: 1 - 0.999^t in single would be wrong in the fifth digit.
    const Tensor t = cast(detail::updates_done(loc) + 1, f64), now = rate_now(rate, loc);
    const Tensor step = now / (1 - pow(options.beta1, t)), root = 1 / sqrt(1 - pow(options.beta2, t));
    for (const Trained& parameter : parameters) {
      const auto& [name, x, gradient] = parameter;
      const Tensor g = decay == Decay::l2 ? decayed(parameter, options.weight_decay) : gradient;
      const Tensor m = running_mean("adam.m." + name, options.beta1, g);
      const Tensor v = running_mean("adam.v." + name, options.beta2, g * g);
      const Tensor kept = decay == Decay::l2 ? x : x * as(1 - now * options.weight_decay, x);
      update(x, kept - as(step, x) * m / (sqrt(v) * as(root, x) + options.epsilon));
    }
  };
}

}  // namespace

Optimizer adam(Schedule rate, AdamOptions options, Loc loc) {
  return adam_of("adam", std::move(rate), options, Decay::l2, loc);
}

Optimizer adamw(Schedule rate, AdamWOptions options, Loc loc) {
  const auto [beta1, beta2, epsilon, weight_decay] = options;
  return adam_of("adamw", std::move(rate), {beta1, beta2, epsilon, weight_decay}, Decay::decoupled, loc);
}

Optimizer rmsprop(Schedule rate, RmspropOptions options, Loc loc) {
  detail::check_fraction("rmsprop", "decay", options.decay, loc);
  detail::check_not_negative("rmsprop", "epsilon", options.epsilon, loc);
  detail::check_not_negative("rmsprop", "momentum", options.momentum, loc);
  detail::check_not_negative("rmsprop", "weight_decay", options.weight_decay, loc);
  return [=, rate = std::move(rate)](const std::vector<Trained>& parameters) {
    CalledFrom here(loc);
    const Tensor now = rate_now(rate, loc);
    for (const Trained& parameter : parameters) {
      const auto& [name, x, gradient] = parameter;
      const Tensor g = decayed(parameter, options.weight_decay);
      Tensor s = running_mean("rmsprop.s." + name, options.decay, g * g);
      if (options.centered) {
        const Tensor average = running_mean("rmsprop.a." + name, options.decay, g);
        s = max(s - average * average, 0);  // rounding may leave less
      }
      const auto moved = [&, &name = name](const Tensor& step) {
        return velocity("rmsprop.v." + name, options.momentum, step);
      };
      update(x, options.keras ? x - moved(as(now, x) * g / sqrt(s + options.epsilon))
                              : x - as(now, x) * moved(g / (sqrt(s) + options.epsilon)));
    }
  };
}

Optimizer adagrad(Schedule rate, AdagradOptions options, Loc loc) {
  detail::check_not_negative("adagrad", "initial", options.initial, loc);
  detail::check_not_negative("adagrad", "epsilon", options.epsilon, loc);
  detail::check_not_negative("adagrad", "weight_decay", options.weight_decay, loc);
  return [=, rate = std::move(rate)](const std::vector<Trained>& parameters) {
    CalledFrom here(loc);
    const Tensor now = rate_now(rate, loc);
    for (const Trained& parameter : parameters) {
      const auto& [name, x, gradient] = parameter;
      const Tensor g = decayed(parameter, options.weight_decay);
      const Tensor before = state("adagrad.s." + name, x.type(), constant(options.initial));
      const Tensor s = before + g * g;
      update(before, s);
      update(x, x - as(now, x) * g / (sqrt(s) + options.epsilon));
    }
  };
}

Optimizer clip_by_value(double limit, Optimizer then, Loc loc) {
  detail::check_positive("clip_by_value", "limit", limit, loc);
  return [=, then = std::move(then)](std::vector<Trained> parameters) {
    {
      CalledFrom here(loc);
      for (Trained& p : parameters) p.gradient = min(max(p.gradient, -limit), limit);
    }
    then(parameters);
  };
}

Optimizer clip_by_global_norm(double max_norm, Optimizer then, Loc loc) {
  detail::check_positive("clip_by_global_norm", "max_norm", max_norm, loc);
  return [=, then = std::move(then)](std::vector<Trained> parameters) {
    {
      CalledFrom here(loc);
      Tensor squares = zeros(f64[{}]);
      for (const Trained& p : parameters) squares = squares + cast(sum(p.gradient * p.gradient), f64);
      const Tensor scale = min(1, max_norm / (sqrt(squares) + 1e-6));
      for (Trained& p : parameters) p.gradient = p.gradient * as(scale, p.gradient);
    }
    then(parameters);
  };
}

Optimizer accumulate(int64_t batches, Optimizer then, Loc loc) {
  detail::check_count("accumulate", "batches", batches, loc);
  return [=, then = std::move(then)](std::vector<Trained> parameters) {
    Tensor now, updates;
    {
      CalledFrom here(loc);
      const Tensor before = state("accumulate.batches", i64[{}]), count = before + 1;
      now = count >= batches;
      update(before, where(now, 0, count));
      updates = state("accumulate.updates", i64[{}]);
      update(updates, updates + cast(now, i64));
      for (Trained& p : parameters) {
        const Tensor sum_before = state("accumulate.g." + p.name, p.value.type());
        const Tensor sum = sum_before + p.gradient;
        update(sum_before, where(now, 0, sum));
        p.gradient = sum / as(count, sum);
      }
    }
    const detail::Pace pace(detail::Trace::current(loc), now, updates);
    then(parameters);
  };
}

}  // namespace rondo
