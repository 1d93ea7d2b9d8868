// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// How long it takes to compile the training step of a stacked LSTM: tracing, differentiation, passes, machine
// code. Usage: compile_step [layers] [rounds]; prints each round's milliseconds and the median.
#include <rondo/rondo.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using namespace rondo;

namespace {

Tensor stacked(int layers, const Tensor& words, const Tensor& length) {
  constexpr int64_t kWords = 8000, kWidth = 64, kHidden = 128, kLabels = 16;
  Tensor x = nn::embedding("words", kWords, kWidth)(words);
  Tensor last;
  for (int layer = 0; layer < layers; ++layer) {
    const auto run = scan(nn::lstm("lstm" + std::to_string(layer), layer == 0 ? kWidth : kHidden, kHidden), x,
                          {.length = length});
    x = run.all.h;
    last = run.last.h;
  }
  return nn::linear("out", kLabels)(last);
}

double compile_ms(int layers) {
  const Dim T("T"), B("B");
  const auto start = std::chrono::steady_clock::now();
  const auto step =
      train_step([layers](Tensor words, Tensor length,
                          Tensor label) { return cross_entropy(stacked(layers, words, length), label); },
                 {i32[{T, B}], i32[{B}], i32[{B}]}, adam(1e-3));
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  const int layers = argc > 1 ? std::atoi(argv[1]) : 2;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 9;
  if (layers < 1 || rounds < 1) {
    std::fprintf(stderr, "usage: compile_step [layers] [rounds], both at least 1\n");
    return 2;
  }
  std::vector<double> times;
  for (int round = 0; round < rounds; ++round) {
    times.push_back(compile_ms(layers));
    std::printf("%.1f ", times.back());
    std::fflush(stdout);
  }
  std::sort(times.begin(), times.end());
  std::printf("\ntraining step of %d LSTM layers: median %.1f ms of %d rounds\n", layers,
              times[times.size() / 2], rounds);
}
