// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// One dot after another in a loop of compiled code, on one core: by the kernels of backends/llvm, and by oneDNN.
// Usage: dots [rounds]. Rounds take turns; prints the medians of both, and how much longer oneDNN's is. Time is that
// of the thread, which both run on alone, so that others who use the machine disturb little.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "backends/llvm/executable.h"
#include "backends/onednn/dots.h"
#include "ir/error.h"
#include "ir/parse.h"
#include "tools/fuzz/random.h"

using namespace rondo;
using runtime::Array;

namespace {

struct Form {
  const char* name;
  const char *x, *y, *result;  // dims
  const char* attributes;
  std::vector<Sizes> sizes;
};

Sizes sizes(int64_t M, int64_t N, int64_t K, int64_t I = 1) {
  return {{"M", M}, {"N", N}, {"K", K}, {"I", I}};
}

std::vector<Form> forms() {
  std::vector<Sizes> layers, gradients, batches;
  for (const auto& [N, K] : {std::pair<int64_t, int64_t>{256, 64}, {512, 128}, {1024, 256}})
    for (const int64_t M : {1, 2, 3, 6, 16, 17, 64, 128, 1024}) layers.push_back(sizes(M, N, K));
  for (const int64_t K : {16, 400, 1600, 6400}) gradients.push_back(sizes(128, 512, K));
  for (const int64_t M : {1, 25}) batches.push_back(sizes(M, 25, 64, 64));
  return {{"rows times weights", "M,K", "K,N", "M,N", "contract([1],[0])", layers},
          {"weight gradient", "K,M", "K,N", "M,N", "contract([0],[0])", gradients},
          {"scores of attention", "I,M,K", "I,N,K", "I,M,N", "contract([2],[2]) batch([0],[0])", batches}};
}

std::unique_ptr<backends::Executable> make(const Form& form, const backends::DotLibrary* library) {
  const auto type = [](const char* dims) { return std::string("f32[") + dims + "]"; };
  const std::string text =
      "func @dots(%x: " + type(form.x) + ", %y: " + type(form.y) + ", %c0: " + type(form.result) +
      ", %turns: i1[T]) -> (" + type(form.result) +
      ") {\n  %cT = scan T index(%t) over(%turn = %turns) carry(%c = %c0) use(%a = %x, %b = %y) {\n"
      "    %d = dot %a, %b " +
      form.attributes + "\n    yield carry(%d) stack()\n  }\n  return %cT\n}\n";
  return codegen::compile(*ir::parse(text, form.name).functions[0], {.dots = library});
}

double thread_us() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return 1e6 * static_cast<double>(now.tv_sec) + 1e-3 * static_cast<double>(now.tv_nsec);
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void measure(const backends::Executable& own, const backends::Executable& onednn, Sizes sizes, int rounds) {
  constexpr double kProducts = 5e7;  // of one round: a millisecond, or a few
  const double products = static_cast<double>(sizes["M"] * sizes["N"] * sizes["K"] * sizes["I"]);
  sizes["T"] = static_cast<int64_t>(std::max(1.0, kProducts / products));
  fuzz::Random random(1);
  std::vector<Array> arrays;
  for (const auto& param : own.signature().params) {
    arrays.push_back(
        Array::zeros(backends::element_type(param.type.dtype), backends::shape_of(param.type, sizes)));
    if (param.type.dtype == f32)
      for (float& element : arrays.back().data<float>()) element = static_cast<float>(random.normal());
  }
  std::vector<Array*> arguments;
  for (Array& array : arrays) arguments.push_back(&array);
  const auto us = [&](const backends::Executable& code) {
    const double start = thread_us();
    code.run(arguments);
    return (thread_us() - start) / static_cast<double>(sizes["T"]);
  };
  us(own), us(onednn);
  std::vector<double> mine, theirs;
  for (int round = 0; round < rounds; ++round) {
    mine.push_back(us(own));
    theirs.push_back(us(onednn));
  }
  std::printf("%5lld %5lld %5lld %5lld  %10.2f %10.2f  %6.2f\n", static_cast<long long>(sizes["I"]),
              static_cast<long long>(sizes["M"]), static_cast<long long>(sizes["N"]),
              static_cast<long long>(sizes["K"]), median(mine), median(theirs),
              median(theirs) / median(mine));
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 21;
  if (rounds < 1) {
    std::fprintf(stderr, "usage: dots [rounds], at least 1\n");
    return 2;
  }
  try {
    for (const Form& form : forms()) {
      const auto own = make(form, nullptr), onednn = make(form, &onednn::dots());
      std::printf("%s\nbatch     M     N     K      own us  oneDNN us   ratio\n", form.name);
      for (const Sizes& sizes : form.sizes) measure(*own, *onednn, sizes, rounds);
    }
  } catch (const Error& error) {
    std::fprintf(stderr, "dots: %s\n", error.what());
    return 1;
  }
}
