// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/pipeline.h"

#include <string_view>
#include <vector>

#include "ir/error.h"

namespace rondo::passes {

namespace {

std::vector<Pass> passes_named(std::initializer_list<std::string_view> names) {
  std::vector<Pass> pipeline;
  for (const std::string_view name : names) {
    const Pass* pass = find_pass(name);
    if (pass == nullptr) throw InternalError("there is no pass " + std::string(name));
    pipeline.push_back(*pass);
  }
  return pipeline;
}

}  // namespace

std::span<const Pass> traced_pipeline() {
  static const std::vector<Pass> pipeline = passes_named({
      "canonicalise",
      // [h, x] W as h W + x W, so that hoist can take x out.
      "split-concat",
      // Weights, and slices of them, before merge-dots: it joins what comes from outside of a loop.
      "hoist",
      "merge-dots",
      // The joined weights.
      "hoist",
      "canonicalise",
  });
  return pipeline;
}

std::span<const Pass> optimisation_pipeline() {
  static const std::vector<Pass> pipeline = passes_named({
      "canonicalise",
      // The gradients are made: what only marks the order of their sums is in the way from here on.
      "drop-identities",
      // Gradients of weights leave the loops that vjp made; so does what a step only gives out.
      "sink",
      // Gradients that were made while tracing come here as they were traced.
      "hoist",
      "canonicalise",
  });
  return pipeline;
}

std::span<const Pass> bf16_pipeline() {
  static const std::vector<Pass> pipeline = passes_named({
      // Gradients are made, and weights come from outside of the loops.
      "precision",
      // What forward and backward loops round is the same.
      "canonicalise",
  });
  return pipeline;
}

std::span<const Pass> memory_pipeline() {
  static const std::vector<Pass> pipeline = passes_named({
      // What is done for all times at once is outside of the loops, and rounded.
      "remat",
      // The rest of the times, behind the pieces, is written once for each phase.
      "canonicalise",
  });
  return pipeline;
}

std::span<const Pass> loops_pipeline() {
  static const std::vector<Pass> pipeline = passes_named({
      // Gradients are made, and loops are cut where memory is limited. Not exact, so no part of lowering.
      "live",
      // What its selects gave may be simpler now.
      "canonicalise",
      // Of the loops that are not live. It adds a size, which lowering must not.
      "unroll-by",
  });
  return pipeline;
}

std::span<const Pass> lowering_pipeline() {
  static const std::vector<Pass> pipeline = passes_named({
      // What stands only for differentiation, where nobody took it away before.
      "drop-identities",
      // Behind what asks who reads a loop's stacks, and before weights are laid out: the dot between two loops comes into
      // one, which reads its weights in each step.
      "fuse-scans",
      // The kernels of dots want columns next to each other. While dots can still be seen in the loops that
      // give them their weights: those are laid out once, outside.
      "layout-dots",
      // In panels, now that they are columns.
      "pack-dots",
      // What nothing needs costs no code; among it bindings of weights that are now laid out otherwise.
      "remove-dead-code",
      // What works row by row, for several workers at once. Behind all that moves ops between loops and what is around
      // them, which does not look into its bodies.
      "parallelise",
      // Before fuse, which so sees the primitive ops that functions are made of.
      "expand-math",
      // Loops over elements. What it joins needs no memory in between, so memory is planned after it.
      "fuse",
      // Last: its annotations hold for exactly these ops in this order.
      "plan-memory",
  });
  return pipeline;
}

}  // namespace rondo::passes
