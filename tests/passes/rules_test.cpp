// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/rules.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "ir/ops/support.h"
#include "ir/parse.h"
#include "passes/equation.h"
#include "tests/passes/programs.h"

using namespace rondo;
using namespace rondo::ir;
using namespace rondo::passes;
using namespace rondo::test;

namespace {

void collect_variables(const Expression& e, std::set<std::string>& names) {
  if (!e.variable.empty()) names.insert(e.variable);
  for (const Expression& operand : e.operands) collect_variables(operand, names);
}

bool takes(const Expression& e, DType dtype) {
  if (e.row != nullptr && !e.row->math.takes(dtype)) return false;
  return std::all_of(e.operands.begin(), e.operands.end(),
                     [&](const Expression& x) { return takes(x, dtype); });
}

// Elements at which arithmetic is special. Infinities, zeros, the least denormal, the extremes.
std::vector<Number> special(DType dtype) {
  if (dtype == i1) return {0, 1};
  const int64_t least =
      dtype == i32 ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int64_t>::min();
  if (!dtype.is_float()) return {0, 1, -1, 2, 7, least, least + 1, -(least + 1)};
  const double tiny = dtype == f64 ? 0x1p-1074 : dtype == f32 ? 0x1p-149 : 0x1p-133;
  const double huge = dtype == f64   ? std::numeric_limits<double>::max()
                      : dtype == f32 ? std::numeric_limits<float>::max()
                                     : 0x1.fep127;
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::nan("");
  return {0.0, -0.0, 1.0, -1.0, 0.1, 1.5, -2.75, tiny, -tiny, huge, -huge, infinity, -infinity, nan};
}

// Every combination of special elements for as many operands, as arrays.
std::vector<Array> combinations(const Function& f) {
  const size_t params = f.body.params.size();
  std::vector<size_t> index(params, 0);
  std::vector<std::vector<Number>> values;
  int64_t total = 1;
  for (const auto& param : f.body.params) {
    values.push_back(special(param->type.dtype));
    total *= static_cast<int64_t>(values.back().size());
  }
  std::vector<Array> arrays;
  int64_t stride = 1;
  for (size_t i = 0; i < params; ++i) {
    HostArray host(f.body.params[i]->type.dtype, {total});
    const auto& choices = values[i];
    visit_elements(host, [&]<class T>(T* x) {
      for (int64_t k = 0; k < total; ++k) {
        const Number& number = choices[k / stride % choices.size()];
        if constexpr (std::is_floating_point_v<Computed<T>>)
          x[k] = static_cast<T>(number.as_double());
        else
          x[k] = static_cast<T>(number.as_int());
      }
    });
    stride *= static_cast<int64_t>(choices.size());
    Array array = Array::zeros(backends::element_type(host.dtype), {total});
    std::memcpy(array.raw(), host.bytes.data(), host.bytes.size());
    arrays.push_back(std::move(array));
  }
  return arrays;
}

// Equal bits; any NaN equals any NaN.
bool equal(const Array& a, const Array& b) {
  bool same = a.type() == b.type() && a.shape() == b.shape();
  const int64_t width = same && a.size() > 0 ? static_cast<int64_t>(a.bytes()) / a.size() : 0;
  for (int64_t i = 0; same && i < a.size(); ++i) {
    const bool nan =
        (a.type() == runtime::ElementType::f32 && std::isnan(a.data<float>()[i]) &&
         std::isnan(b.data<float>()[i])) ||
        (a.type() == runtime::ElementType::f64 && std::isnan(a.data<double>()[i]) &&
         std::isnan(b.data<double>()[i])) ||
        (a.type() == runtime::ElementType::bf16 && std::isnan(a.data<runtime::Bfloat16>()[i].value()) &&
         std::isnan(b.data<runtime::Bfloat16>()[i].value()));
    same = nan || std::memcmp(static_cast<const char*>(a.raw()) + i * width,
                              static_cast<const char*>(b.raw()) + i * width, width) == 0;
  }
  return same;
}

}  // namespace

TEST_CASE("both sides of every equation have the same bits for every type, at all special elements") {
  for (const char* text : equations()) {
    const Equation equation(text);
    CHECK(equation.text() == text);
    int types = 0;
    for (DType dtype : {f32, f64, bf16, i32, i64, i1}) {
      if (!takes(equation.left(), dtype)) continue;
      ++types;
      CAPTURE(text);
      CAPTURE(dtype.text());
      std::set<std::string> names;
      collect_variables(equation.left(), names);
      Function f("f");
      Expression::Variables variables;
      const Dim N("N");
      for (const std::string& name : names)
        variables[name] = f.add_param({name == "c" ? i1 : dtype, {N}}, name);
      Builder b(f.body);
      const Type type = dtype[{N}];
      f.body.results = {equation.left().build(b, type, variables),
                        equation.right().build(b, type, variables)};
      const auto out = run(f, combinations(f));
      CHECK(equal(out[0], out[1]));

      // And the rule fires on its own left side.
      const Op& op = *f.body.results[0]->op;
      CHECK(equation.apply(b, op) != nullptr);
    }
    CHECK(types > 0);
  }
}

namespace {

// A function whose last op the rule of that name takes away, leaving the ops named instead.
struct RuleCase {
  const char* rule;
  const char* params;
  const char* ops;
};
const RuleCase kRuleCases[] = {
    {"div(x, 2^k) = mul(x, 2^-k)", "%x: f32[N]", "%k = constant value(-0.25) : f32[N] %y = div %x, %k"},
    {"convert(convert(x)) = convert(x), the inner one lossless", "%x: i32[N]",
     "%a = convert %x : i64[N] %y = convert %a : f32[N]"},
    {"dot that starts from +0", "%x: f32[N,2], %z: f32[N,3]",
     "%s = constant value(0.0) : f32[2,3] %y = dot %x, %z, %s contract([0],[0]) descending(1)"},
    {"reduce_sum that starts from +0", "%x: f32[N,2]",
     "%s = constant value(0.0) : f32[2] %y = reduce_sum %x, %s dims([0]) descending(1)"},
    {"bitcast(bitcast(x)) = bitcast(x)", "%x: f32[N]", "%a = bitcast %x : i32[N] %y = bitcast %a : f32[N]"},

    {"broadcast(x) = x, to its own dims", "%x: f32[N,2]", "%y = broadcast %x dims([0,1]) : f32[N,2]"},
    {"broadcast(splat) = splat", "",
     "%c = constant value(0.5) : f32[2] %y = broadcast %c dims([1]) : f32[3,2]"},
    {"broadcast(splat) = splat", "%x: f32[]",
     "%a = broadcast %x dims([]) : f32[2] %y = broadcast %a dims([1]) : f32[3,2]"},
    {"broadcast(broadcast(x)) = broadcast(x)", "%x: f32[N]",
     "%a = broadcast %x dims([1]) : f32[2,N] %y = broadcast %a dims([0,2]) : f32[2,3,N]"},
    {"broadcast(iota) = iota", "", "%a = iota dim(1) : i32[2,3] %y = broadcast %a dims([0,2]) : i32[2,4,3]"},
    {"reshape(x) = x, to its own dims", "%x: f32[N,2]", "%y = reshape %x : f32[N,2]"},
    {"reshape(splat) = splat", "%x: f32[]", "%a = broadcast %x dims([]) : f32[2,3] %y = reshape %a : f32[6]"},
    {"reshape(reshape(x)) = reshape(x)", "%x: f32[N,2,3]",
     "%a = reshape %x : f32[N,6] %y = reshape %a : f32[6*N]"},
    {"transpose(x) = x, no dim moved", "%x: f32[N,2]", "%y = transpose %x perm([0,1])"},
    {"transpose(splat) = splat", "%x: f32[]",
     "%a = broadcast %x dims([]) : f32[2,3] %y = transpose %a perm([1,0])"},
    {"transpose(transpose(x)) = transpose(x)", "%x: f32[N,2,3]",
     "%a = transpose %x perm([1,2,0]) %y = transpose %a perm([2,1,0])"},
    {"slice(x) = x, all of it", "%x: f32[N,2]", "%y = slice %x lo([0,0]) hi([N,2])"},
    {"slice(splat) = splat", "", "%c = constant value(0.5) : f32[4] %y = slice %c lo([1]) hi([3])"},
    {"slice(slice(x)) = slice(x)", "%x: f32[N,9]",
     "%a = slice %x lo([0,2]) hi([N,8]) %y = slice %a lo([0,1]) hi([N,4])"},
    {"slice(pad(x)) = x, the padding cut off", "%x: f32[N,2]",
     "%a = pad %x lo([1,2]) hi([0,1]) value(3.0) %y = slice %a lo([1,2]) hi([N+1,4])"},
    {"slice(concat(.., x, ..)) = x", "%x: f32[N,2], %z: f32[N,3]",
     "%a = concat %x, %z, %x dim(1) %y = slice %a lo([0,2]) hi([N,5])"},
    {"pad(x) = x, by nothing", "%x: f32[N,2]", "%y = pad %x lo([0,0]) hi([0,0]) value(3.0)"},
    {"pad(splat) = splat, of one value", "",
     "%c = constant value(-0.0) : f32[4] %y = pad %c lo([1]) hi([2]) value(-0.0)"},
    {"pad(pad(x)) = pad(x), of one value", "%x: f32[N,2]",
     "%a = pad %x lo([1,2]) hi([0,1]) value(3.0) %y = pad %a lo([0,1]) hi([5,1]) value(3.0)"},
    {"concat(x) = x", "%x: f32[N,2]", "%y = concat %x dim(1)"},
    {"concat(splats) = splat, of one value", "",
     "%c = constant value(2.5) : f32[4] %d = constant value(2.5) : f32[1] %y = concat %c, %d dim(0)"},
    {"concat(split(x)) = x", "%x: f32[N,5]",
     "%a, %b = split %x dim(1) sizes([2,3]) %y = concat %a, %b dim(1)"},
    {"concat(concat(x, y), z) = concat(x, y, z)", "%x: f32[N,2], %z: f32[N,3]",
     "%a = concat %x, %z dim(1) %y = concat %a, %x, %a dim(1)"},
    {"split(x) = x, into one part", "%x: f32[N,5]", "%y = split %x dim(1) sizes([5])"},
    {"split(splat) = splats", "", "%c = constant value(2.5) : f32[4] %y, %z = split %c dim(0) sizes([1,3])"},
    {"split(concat(x, y)) = x, y", "%x: f32[N,2], %u: f32[N,3]",
     "%a = concat %x, %u dim(1) %y, %z = split %a dim(1) sizes([2,3])"},
    {"dim of a constant size", "", "%y = dim size(12)"},
    {"check(x, true) = x", "%x: f32[N]",
     "%c = constant value(1) : i1[N] %y = check %x, %c message(\"never\")"},
};

}  // namespace

TEST_CASE("every rule about shapes and types fires on its case and leaves the same bits") {
  std::set<std::string> uncovered;
  std::vector<Rule> rules = shape_rules();
  for (Rule& rule : arithmetic_rules())
    if (rule.name.find(" of constants") == std::string::npos) rules.push_back(std::move(rule));
  for (const Rule& rule : rules) uncovered.insert(rule.name);
  for (const char* equation : equations()) uncovered.erase(equation);

  Random random(1);
  for (const RuleCase& each : kRuleCases) {
    CAPTURE(each.rule);
    uncovered.erase(each.rule);
    const auto rule =
        std::find_if(rules.begin(), rules.end(), [&](const Rule& r) { return r.name == each.rule; });
    REQUIRE(rule != rules.end());
    // Both the op that the rule takes away and what comes in its place are results.
    Module module =
        parse("func @f(" + std::string(each.params) + ") -> () { " + each.ops + " return }", "case");
    Function& f = *module.functions[0];
    Op& last = *f.body.ops.back();
    REQUIRE(last.row == rule->row);
    Builder b(f.body);
    const Replacement replacement = rule->apply(b, last);
    REQUIRE(replacement.has_value());
    for (const auto& result : last.results) f.body.results.push_back(result.get());
    f.body.results.insert(f.body.results.end(), replacement->begin(), replacement->end());

    const auto out = run(f, arguments(f, {{"N", 3}}, random));
    REQUIRE(out.size() == 2 * last.results.size());
    for (size_t i = 0; i < last.results.size(); ++i) CHECK(equal(out[i], out[last.results.size() + i]));
  }
  for (const std::string& rule : uncovered) FAIL_CHECK("no case for: " << rule);
}

TEST_CASE("what is no equation is an internal error") {
  for (const char* text :
       {"", "x = x", "add(x) = x", "frobnicate(x) = x", "add(x, y) = x y", "add(x, y)", "compare(x, x) = x"})
    CHECK_THROWS_AS(Equation{text}, InternalError);
}
