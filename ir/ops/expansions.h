// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>

/// The f32 transcendental functions and random_bits, written in primitive ops only. Each is a template over a
/// math context M and its value type: ScalarMath (scalar_math.h) computes, a context that builds IR writes
/// the same operations down. Every operation is IEEE and rounds once, so both give the same bits.
///
/// Accuracy: "max ulp" is the largest |result - exact| / ulp(exact rounded to f32), measured over all 2^32
/// floats against the double functions of libm. Denormals are kept, on both sides; a NaN gives a NaN.
/// The number of ops counts neither bitcasts (bits, from_bits), which cost nothing, nor a neg that feeds an
/// fma, which machines fold. The coefficients are printed by scripts/minimax.py.
///
/// min and max take the constant first: they return the second operand if it is NaN or equal, and with a
/// constant, which is not NaN, that is exactly one x86 instruction.
namespace rondo::ir::expansions {

namespace detail {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr double kLog2E = 1.44269504;
/// ln 2 as the sum of two floats. The second matters only where the result's error counts n times.
inline constexpr double kLn2High = 0.693147182, kLn2Low = -1.90465421e-9;

/// Horner's rule, one fma a step; the coefficients from the highest power down.
template <class M, class F>
F polynomial(M& m, F x, std::initializer_list<double> coefficients) {
  auto c = coefficients.begin();
  F result = m.constant(x, *c);
  while (++c != coefficients.end()) result = m.fma(result, x, m.constant(x, *c));
  return result;
}

template <class F>
struct Power {
  F n;      ///< x * rate, rounded to an integer
  F scale;  ///< base^n * 2^offset, with base 2 or 4
};

/// Splits off a power of the base, in 3 ops. Adding 1.5 * 2^23 rounds to an integer and leaves it in the low
/// bits of the sum; adding the exponent's bias too makes those bits the exponent field of `scale`, wanting
/// only a shift, which also drops the bits above. 127 + offset must be a multiple of log2(base).
template <class M, class F>
Power<F> nearest_power(M& m, F x, double rate, int log2_base, int offset) {
  const F magic = m.constant(x, 0x1.8p23 + (127 + offset) / log2_base);
  const F sum = m.fma(x, m.constant(x, rate), magic);
  const auto bits = m.bits(sum);
  return {m.sub(sum, magic), m.from_bits(m.shl(bits, m.int_constant(bits, 22 + log2_base)))};
}

/// A magnitude >= +0 with the sign of x. 2 ops.
template <class M, class F>
F with_sign_of(M& m, F magnitude, F x) {
  const auto bits = m.bits(x);
  const auto sign = m.and_(bits, m.int_constant(bits, std::numeric_limits<int32_t>::min()));
  return m.from_bits(m.or_(m.bits(magnitude), sign));
}

inline constexpr int64_t kSqrtHalfMantissa = 0x003504f3;

/// e ln2 + log(1 + f) = e ln2 + f + f^2 p(f), p of degree 8. 11 ops.
template <class M, class F>
F finite_log(M& m, F e, F f) {
  const F p = polynomial(m, f,
                         {-0.0742221177, 0.128227249, -0.132798627, 0.141962573, -0.166067481, 0.200012043,
                          -0.250016391, 0.333333373, -0.499999881});
  return m.fma(e, m.constant(f, kLn2High), m.fma(m.mul(f, f), p, f));
}

/// `finite`, the logarithm of a finite x > 0, or what the logarithm is of another x. 6 ops.
template <class M, class F>
F log_at_edges(M& m, F x, F finite) {
  const F zero = m.constant(x, 0);
  const F positive = m.select(m.lt(x, m.constant(x, kInfinity)), finite, x);
  const F other = m.select(m.eq(x, zero), m.constant(x, -kInfinity), m.constant(x, kNaN));
  return m.select(m.gt(x, zero), positive, other);
}

/// From here on, angles are not reduced but sent to the C library.
inline constexpr double kHugeAngle = 0x1p17;

template <class F, class I>
struct Angle {
  F r;
  I quadrant;  ///< but for multiples of 4
};

/// a = n pi/2 + r with |r| <= pi/4, for 0 <= a < kHugeAngle. pi/2 is the sum of three floats: the first product,
/// of at most 18 + 24 bits, cancels without rounding; no float below 2^17 is so near to a multiple of pi/2 that
/// the second would lose too many bits. 5 ops.
template <class M, class F>
auto reduced_angle(M& m, F a) {
  const F magic = m.constant(a, 0x1.8p23);
  const F sum = m.fma(a, m.constant(a, 0.636619747), magic);
  const F n = m.sub(sum, magic);
  F r = m.fma(n, m.constant(a, -1.57079637), a);
  r = m.fma(n, m.constant(a, 4.37113883e-08), r);
  r = m.fma(n, m.constant(a, 1.71512451e-15), r);
  return Angle<F, decltype(m.bits(sum))>{r, m.bits(sum)};
}

/// sin(quadrant pi/2 + r): r + r^3 p(r^2) or 1 - r^2/2 + r^4 q(r^2), p and q of degree 2, one of them with the
/// other sign. 15 ops.
template <class M, class F, class I>
F sine_in_quadrant(M& m, F r, I quadrant) {
  const F r2 = m.mul(r, r);
  const F p = polynomial(m, r2, {-0.000195182918, 0.00833218917, -0.166666552});
  const F sine = m.fma(m.mul(r2, r), p, r);
  const F cosine = polynomial(m, r2, {2.44323273e-05, -0.00138873095, 0.0416666456, -0.5, 1});
  const auto odd = m.eq(m.and_(quadrant, m.int_constant(quadrant, 1)), m.int_constant(quadrant, 1));
  const F y = m.select(odd, cosine, sine);
  const auto sign = m.shl(m.and_(quadrant, m.int_constant(quadrant, 2)), m.int_constant(quadrant, 30));
  return m.from_bits(m.xor_(m.bits(y), sign));
}

}  // namespace detail

/// exp(x) = (p(r) 2^n) 2^n with x = 2 n ln2 + r, |r| <= ln2, and p of degree 7: a reduction by 2 ln2 costs
/// two more steps of Horner than one by ln2, but 2^n always is a normal float, and only the last product
/// rounds to a denormal or overflows. The clamps lie where the result has become +0 or +Inf. Max ulp 1.57; 16
/// ops.
template <class M, class F>
F exp(M& m, F x) {
  using namespace detail;
  x = m.max(m.constant(x, -104), m.min(m.constant(x, 89), x));
  const auto [n, scale] = nearest_power(m, x, kLog2E / 2, 1, 0);
  const F high = m.fma(n, m.constant(x, -2 * kLn2High), x);
  const F r = m.fma(n, m.constant(x, -2 * kLn2Low), high);
  const F p = polynomial(
      m, r, {0.000196468158, 0.0014106367, 0.00833590422, 0.0416611657, 0.166666165, 0.500000358, 1, 1});
  return m.mul(m.mul(p, scale), scale);
}

/// expm1(x) = 2 (2^n' p(r) + 2^n' - 1/2) with n' = n - 1, x = n ln2 + r, |r| <= ln2 / 2, and p(r) = expm1(r) =
/// r + r^2 q(r), q of degree 4. Half of the result is computed first, since 2^n may be no float; doubling it is
/// exact, or overflows where the result does. A small x is its own result, +-0 and denormals among them. Max ulp
/// 1.56; 19 ops.
template <class M, class F>
F expm1(M& m, F x) {
  using namespace detail;
  const F clamped = m.max(m.constant(x, -20), m.min(m.constant(x, 89), x));
  const auto [n, half_scale] = nearest_power(m, clamped, kLog2E, 1, -1);
  const F high = m.fma(n, m.constant(x, -kLn2High), clamped);
  const F r = m.fma(n, m.constant(x, -kLn2Low), high);
  const F q = polynomial(m, r, {0.0013835642, 0.00836712401, 0.0416677557, 0.16666539, 0.49999997});
  const F p = m.fma(m.mul(r, r), q, r);
  const F half = m.fma(half_scale, p, m.sub(half_scale, m.constant(x, 0.5)));
  return m.select(m.lt(m.abs(x), m.constant(x, 0x1p-25)), x, m.add(half, half));
}

/// log(x) = e ln2 + f + f^2 p(f) with x = 2^e (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), and p of degree 8. The
/// exponent comes from the bits, less those of sqrt(1/2), so no second case is needed for 1 + f > sqrt(2);
/// a denormal is first scaled by 2^23. log(+-0) = -Inf, log(x < 0) = NaN. Max ulp 0.92; 28 ops.
template <class M, class F>
F log(M& m, F x) {
  using namespace detail;
  constexpr int64_t kSqrtHalf = 0x3f3504f3;
  const auto tiny = m.lt(x, m.constant(x, 0x1p-126));
  const F normal = m.select(tiny, m.mul(x, m.constant(x, 0x1p23)), x);
  const auto bits = m.bits(normal);
  const auto above = m.sub(bits, m.int_constant(bits, kSqrtHalfMantissa));
  const auto exponent = m.shr(above, m.int_constant(bits, 23));
  const auto mantissa = m.and_(above, m.int_constant(bits, 0x007fffff));
  const F e = m.add(m.to_f32(exponent), m.select(tiny, m.constant(x, -126 - 23), m.constant(x, -126)));
  const F one_plus_f = m.from_bits(m.add(mantissa, m.int_constant(bits, kSqrtHalf)));
  const F finite = finite_log(m, e, m.sub(one_plus_f, m.constant(x, 1)));
  return log_at_edges(m, x, finite);
}

/// log1p(x) = e ln2 + f + f^2 p(f) as in log, with 1 + x = 2^e (1 + f). The rounded sum u = 1 + x just says what e
/// is; f = 2^-e x + (2^-e - 1) comes from x itself by one fma. 2^-e may be no normal float, but 4 * 2^-e is. A
/// small x is its own result. log1p(-1) = -Inf, log1p(x < -1) = NaN. Max ulp 1.46; 30 ops.
template <class M, class F>
F log1p(M& m, F x) {
  using namespace detail;
  const F u = m.add(x, m.constant(x, 1));
  const auto bits = m.bits(u);
  const auto above = m.sub(bits, m.int_constant(bits, kSqrtHalfMantissa));
  const auto exponent = m.shr(above, m.int_constant(bits, 23));
  const F e = m.add(m.to_f32(exponent), m.constant(x, -126));
  const auto inverse = m.sub(m.int_constant(bits, 255), exponent);
  const F four_scale = m.from_bits(m.shl(inverse, m.int_constant(bits, 23)));
  const F quarter = m.constant(x, 0.25);
  const F f = m.fma(m.mul(x, quarter), four_scale, m.fma(four_scale, quarter, m.constant(x, -1)));
  const F result = log_at_edges(m, u, finite_log(m, e, f));
  return m.select(m.lt(m.abs(x), m.constant(x, 0x1p-25)), x, result);
}

/// sin(x) with |x| = n pi/2 + r, |r| <= pi/4. A huge angle is left to the f64 sine, whose call comes last, with its
/// conversions. Max ulp 1.51; 28 ops.
template <class M, class F>
F sin(M& m, F x) {
  using namespace detail;
  const F a = m.abs(x);
  const auto small = m.lt(a, m.constant(x, kHugeAngle));
  const auto [r, quadrant] = reduced_angle(m, a);
  const F y = sine_in_quadrant(m, r, quadrant);
  const auto bits = m.bits(x);
  const auto sign = m.and_(bits, m.int_constant(bits, std::numeric_limits<int32_t>::min()));
  return m.select(small, m.from_bits(m.xor_(m.bits(y), sign)), m.to_f32(m.sin(m.to_f64(x))));
}

/// cos(x) = sin(|x| + pi/2): the next quadrant. Max ulp 1.51; 27 ops.
template <class M, class F>
F cos(M& m, F x) {
  using namespace detail;
  const F a = m.abs(x);
  const auto small = m.lt(a, m.constant(x, kHugeAngle));
  const auto [r, quadrant] = reduced_angle(m, a);
  const F y = sine_in_quadrant(m, r, m.add(quadrant, m.int_constant(quadrant, 1)));
  return m.select(small, y, m.to_f32(m.cos(m.to_f64(x))));
}

/// tanh|x| = (t (1 + S) + 1 - S) / (t (1 - S) + 1 + S), the addition theorem for |x| = r - n ln2, with
/// S = 4^n, n <= 0, |r| <= ln2 / 2, and t = tanh(r) = r + r^3 p(r^2), p of degree 3. For small |x|, S = 1 and
/// the quotient is t. Two measures keep four roundings below 2 ulp:
/// - Everything is scaled by 7/4, so that the denominator lies high in its binade, where rounding costs
/// least.
/// - The denominator is numerator + 2 S (1 - t), so the numerator's error cancels as the quotient nears 1 (it
///   never exceeds 1).
/// Odd exactly; beyond 9.1 the result is 1. Max ulp 2.00 (1.99999); 21 ops, one of them a division.
template <class M, class F>
F tanh(M& m, F x) {
  using namespace detail;
  const F a = m.min(m.constant(x, 10), m.abs(x));
  const auto [n, two_s] = nearest_power(m, a, -kLog2E, 2, 1);
  const F r = m.fma(n, m.constant(x, kLn2High), a);
  const F r2 = m.mul(r, r);
  const F p = polynomial(m, r2, {0.0194748379, -0.0537341498, 0.133324236, -0.333333224});
  const F t = m.fma(m.mul(r2, r), p, r);

  constexpr double kScale = 1.75;
  const F gap = m.mul(two_s, m.constant(x, kScale));
  const F sum = m.fma(two_s, m.constant(x, kScale / 2), m.constant(x, kScale));
  const F numerator = m.fma(t, sum, m.sub(sum, gap));
  const F denominator = m.add(m.fma(m.neg(gap), t, numerator), gap);
  return with_sign_of(m, m.div(numerator, denominator), x);
}

/// sigmoid(x) = c / (c + c exp(-x)), with exp(-x) = 2^n (1 - r h(r)), x = r - n ln2, |r| <= ln2 / 2, and h of
/// degree 5. c = 1.5 * 2^-24 does two things. The 2^-24 makes room: the sum stays finite until the quotient,
/// the only operation that can give a denormal, has become +0. The 1.5 keeps the sum away from the low end of
/// its binade where x is near 0. Max ulp 1.88; 16 ops, one of them a division.
template <class M, class F>
F sigmoid(M& m, F x) {
  using namespace detail;
  x = m.max(m.constant(x, -104), m.min(m.constant(x, 20), x));
  const auto [n, scale] = nearest_power(m, x, -kLog2E, 1, -24);
  const F high = m.fma(n, m.constant(x, kLn2High), x);
  const F r = m.fma(n, m.constant(x, kLn2Low), high);
  const F h = polynomial(m, r, {-0.00208752905, 0.0125505691, -0.0624999218, 0.249998093, -0.75, 1.5});
  const F c = m.constant(x, 1.5 * 0x1p-24);
  const F at_r_0 = m.fma(scale, m.constant(x, 1.5), c);
  return m.div(c, m.fma(m.neg(m.mul(scale, r)), h, at_r_0));
}

/// erf|x| = 1 - exp(-g) with g = -log(erfc|x|) = |x| (1 + p(|x|)): one smooth polynomial, of degree 8, for
/// all of 0..4, and no second case; where g is large its error no longer counts. Then 1 - exp(-g) = 1 - 2^n +
/// 2^n (r + r^2 q(r)) with g = r - n ln2, |r| <= ln2 / 2, and q of degree 4, which is relatively exact near 0
/// too. Odd exactly; beyond 3.9 the result is 1. Max ulp 1.84; 26 ops.
template <class M, class F>
F erf(M& m, F x) {
  using namespace detail;
  const F a = m.min(m.constant(x, 4), m.abs(x));
  const F p = polynomial(m, a,
                         {-9.38734775e-06, 0.000118856347, -0.000637349323, 0.00167565874, -0.000169494524,
                          -0.0191478245, 0.102776304, 0.636619568, 0.128379166});
  const F g = m.fma(a, p, a);
  const auto [n, scale] = nearest_power(m, g, -kLog2E, 1, 0);
  const F r = m.fma(n, m.constant(x, kLn2High), g);
  const F q = polynomial(m, r, {-0.00139176194, 0.0083670998, -0.041666612, 0.16666539, -0.5});
  const F scaled_r = m.mul(scale, r);
  const F leading = m.add(scaled_r, m.sub(m.constant(x, 1), scale));
  return with_sign_of(m, m.fma(m.mul(scaled_r, r), q, leading), x);
}

/// Word 0 (i32) of Philox4x32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, 2011) with the
/// counter words (low, high half of the i64 counter, 0, 0) and the key words (low, high half of the i64 key).
/// The 32-bit words are kept in i64 values, whose product has both halves that the cipher wants.
template <class M, class I>
auto random_bits(M& m, I key, I counter) {
  const auto constant = [&](int64_t value) { return m.int_constant(counter, value); };
  const auto low = [&](I x) { return m.and_(x, constant(0xffffffff)); };
  const auto high = [&](I x) { return m.shr(x, constant(32)); };
  I k0 = low(key), k1 = high(key);
  I c0 = low(counter), c1 = high(counter), c2 = constant(0), c3 = c2;
  for (int round = 0; round < 10; ++round) {
    const I product0 = m.mul(c0, constant(0xD2511F53));
    const I product1 = m.mul(c2, constant(0xCD9E8D57));
    c0 = m.xor_(m.xor_(high(product1), c1), k0);
    c1 = low(product1);
    c2 = m.xor_(m.xor_(high(product0), c3), k1);
    c3 = low(product0);
    k0 = low(m.add(k0, constant(0x9E3779B9)));
    k1 = low(m.add(k1, constant(0xBB67AE85)));
  }
  return m.to_i32(c0);
}

}  // namespace rondo::ir::expansions
