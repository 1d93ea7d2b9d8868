// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Part of the build: `make-kernels FOLDER` writes the dot kernels of each instruction set to the object file
// FOLDER/<instruction set>.o, whatever the CPU that it runs on.
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>

#include "backends/llvm/codegen/code_generator.h"
#include "backends/llvm/codegen/prebuilt_kernels.h"

using namespace rondo::codegen;

namespace {

void write_kernels(const Target& target, const std::string& path) {
  const CodeGenerator generator(target);
  const CodeModule code = emit_prebuilt_kernels(target);
  generator.optimise(code);
  const CodeGenerator::Bytes object = generator.object(code);
  std::ofstream file(path, std::ios::binary);
  file.write(object.data(), static_cast<std::streamsize>(object.size()));
  file.close();
  if (!file) throw std::runtime_error("can't write " + path);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: make-kernels FOLDER\n");
    return 2;
  }
  try {
    for (const Target& target : all_targets())
      write_kernels(target, std::string(argv[1]) + "/" + std::string(name(target.isa)) + ".o");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "make-kernels: %s\n", error.what());
    return 1;
  }
}
