#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Prints the polynomial coefficients of ir/ops/expansions.h. Needs mpmath; runs for under a minute.

Each polynomial minimises the largest weighted error |weight(x) * (target(x) - p(x))| by the exchange
method of Remez, on a fixed grid of Chebyshev points. The coefficients are then rounded to f32 one after
the other, lowest power first; the rest is fitted again after each rounding, if that helps.
"""
import struct

from mpmath import mp, mpf, cos, erfc, exp, expm1, log, log1p, lu_solve, matrix, pi, sin, sqrt, tanh

mp.dps = 40
GRID = 1200


def to_f32(value):
    return mpf(struct.unpack("f", struct.pack("f", float(value)))[0])


def evaluate(coefficients, x):
    result = mpf(0)
    for c in reversed(coefficients):
        result = result * x + c
    return result


def remez(xs, targets, weights, powers):
    """The coefficients of `powers` that minimise max |weight * (target - p)| over the grid."""
    count = len(powers)
    if count == 0:
        return []
    chosen = [round((len(xs) - 1) * (1 - float(cos(pi * k / count))) / 2) for k in range(count + 1)]
    for _ in range(60):
        rows = [[xs[i] ** p for p in powers] + [(-1) ** k / weights[i]] for k, i in enumerate(chosen)]
        solution = lu_solve(matrix(rows), matrix([targets[i] for i in chosen]))
        errors = [w * (t - sum(solution[j] * x**p for j, p in enumerate(powers)))
                  for x, t, w in zip(xs, targets, weights)]
        # One extremum in every run of equal sign; drop the smaller end while there are too many.
        extrema = []
        for i, e in enumerate(errors):
            if extrema and (errors[extrema[-1]] > 0) == (e > 0):
                if abs(e) > abs(errors[extrema[-1]]):
                    extrema[-1] = i
            else:
                extrema.append(i)
        while len(extrema) > count + 1:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        if extrema == chosen or len(extrema) < count + 1:
            break
        chosen = extrema
    return [solution[j] for j in range(count)]


def fit(name, target, weight, low, high, degree):
    low, high = mpf(low), mpf(high)
    xs = [(low + high) / 2 - (high - low) / 2 * cos(pi * (k + mpf(1) / 2) / GRID) for k in range(GRID)]
    targets, weights = [target(x) for x in xs], [weight(x) for x in xs]
    worst = lambda p: max(abs(w * (t - evaluate(p, x))) for x, t, w in zip(xs, targets, weights))
    polynomial = remez(xs, targets, weights, range(degree + 1))
    for k in range(degree + 1):
        polynomial[k] = to_f32(polynomial[k])
        rest = [t - evaluate(polynomial[: k + 1], x) for t, x in zip(targets, xs)]
        refitted = polynomial[: k + 1] + remez(xs, rest, weights, range(k + 1, degree + 1))
        polynomial = min(polynomial, refitted, key=worst)
    print(f"{name}: degree {degree}, largest weighted error {mp.nstr(worst(polynomial), 3)}, highest power first")
    print("    " + ", ".join(f"{float(c):.9g}" for c in reversed(polynomial)))


LN2 = log(mpf(2))

if __name__ == "__main__":
    # exp(r) = 1 + r + r^2 p(r); the weight makes it the relative error of exp.
    fit("exp", lambda r: (exp(r) - 1 - r) / r**2, lambda r: r**2 / exp(r), -LN2, LN2, 5)
    # expm1(r) = r + r^2 q(r); relative error of expm1.
    fit("expm1", lambda r: (expm1(r) - r) / r**2, lambda r: r**2 / abs(expm1(r)), -LN2 / 2, LN2 / 2, 4)
    # log(1 + f) = f + f^2 p(f); relative error of the logarithm.
    fit("log", lambda f: (log1p(f) - f) / f**2, lambda f: f**2 / abs(log1p(f)),
        sqrt(mpf(1) / 2) - 1, sqrt(mpf(2)) - 1, 8)
    # sin(r) = r + r^3 p(r^2) and cos(r) = 1 - r^2/2 + r^4 q(r^2); relative errors, as functions of s = r^2.
    fit("sin", lambda s: (sin(sqrt(s)) / sqrt(s) - 1) / s, lambda s: s * sqrt(s) / sin(sqrt(s)), 0, (pi / 4) ** 2, 2)
    fit("cos", lambda s: (cos(sqrt(s)) - 1 + s / 2) / s**2, lambda s: s**2 / cos(sqrt(s)), 0, (pi / 4) ** 2, 2)
    # tanh(r) = r + r^3 p(r^2); relative error, as a function of s = r^2.
    fit("tanh", lambda s: (tanh(sqrt(s)) / sqrt(s) - 1) / s, lambda s: s * sqrt(s) / tanh(sqrt(s)),
        0, (LN2 / 2) ** 2, 3)
    # 1.5 (1 - exp(-r)) = r (1.5 + r p(r)).
    fit("sigmoid", lambda r: 1.5 * ((1 - exp(-r)) / r - 1) / r, lambda r: abs(r) / 1.5, -LN2 / 2, LN2 / 2, 4)
    # -log(erfc(a)) = a (1 + p(a)); relative error of erf(a) = 1 - exp(-a (1 + p(a))).
    fit("erf, exponent", lambda a: -log(erfc(a)) / a - 1, lambda a: a * erfc(a) / (1 - erfc(a)), 0, mpf(4), 8)
    # 1 - exp(-r) = r + r^2 p(r).
    fit("erf, 1 - exp", lambda r: ((1 - exp(-r)) / r - 1) / r, lambda r: abs(r), -LN2 / 2, LN2 / 2, 4)
