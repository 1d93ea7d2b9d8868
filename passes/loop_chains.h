// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to fuse-scans.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/graph.h"

namespace rondo::passes {

/// Loops over the same times, each of which but the first goes over what earlier ones stack, at the same time step.
struct LoopChain {
  std::vector<const ir::Op*> loops;
  /// The loops, and the ops between them, each of which works on each time by itself; in program order.
  std::vector<ir::Op*> members;

  Dim length;
  bool reverse = false;
  bool live = false;        ///< each loop is
  int level = 0;            ///< see LoopChains
  int64_t weights = 0;      ///< bytes that dots of one time step read and that are the same in all
  std::optional<Dim> rows;  ///< that such a dot multiplies by them
};

/// Which loops of a graph may run as one, and should if there are rows and times enough. A value has a level: what is
/// computed from all times of what loops of level n stack, or from their last carries, is of level n + 1 at least. So the
/// loops of one chain, and what is between them, read nothing that is of a higher level than the chain, and chains never
/// wait for each other.
class LoopChains {
 public:
  explicit LoopChains(const ir::Graph& graph);

  /// That of which the op is a member, if it has more than one loop; else nullptr.
  const LoopChain* chain_of(const ir::Op& op) const;
  /// Which operands of a member that is no loop are read time by time. The others are the same at all times.
  const std::vector<bool>& batched(const ir::Op& member) const { return batched_.at(&member); }
  /// True of what a member stacks, or computes time by time.
  bool is_timed(const ir::Value* result) const { return place(result).chain >= 0; }

 private:
  struct Place {
    int level = 0;
    int chain = -1;  // in which the value is there time by time
  };

  Place place(const ir::Value* value) const;
  // The first level at which all of the value is there.
  int whole_level(const ir::Value* value) const;
  int chain_before(std::span<ir::Value* const> operands) const;
  bool find_step(const ir::Op& op);
  void find_loop(const ir::Op& scan);
  bool can_join(const ir::Op& scan, int number) const;
  std::vector<const ir::Op*> steps_before(const ir::Op& scan, int number) const;
  bool join(const ir::Op& scan, int number);

  std::vector<LoopChain> chains_;
  std::unordered_map<const ir::Value*, Place> places_;
  std::unordered_map<const ir::Op*, std::vector<bool>> batched_;
  std::unordered_map<const ir::Op*, int> chain_of_;
  int last_recorder_ = 0;
};

/// Which member of a chain is done in which loop where each loop runs on its own. What just works on elements or moves them
/// goes into the loop that makes what it reads, or into the only one that reads it: so it costs no memory, and is the same
/// code as in the fused loop. The rest stays outside, for all times at once.
class LoopParts {
 public:
  LoopParts(const LoopChain& chain, const ir::Values& wanted);

  /// nullptr if the member is done outside.
  const ir::Op* loop_of(const ir::Op& member) const;
  const std::vector<ir::Op*>& members_of(const ir::Op& loop) const { return members_.at(&loop); }
  /// What is read outside of the loop.
  ir::Values wanted_of(const ir::Op& loop) const;

 private:
  void attach_behind(const ir::Op& member);
  void attach_before(const ir::Op& member);

  std::unordered_set<const ir::Value*> wanted_;
  std::unordered_map<const ir::Op*, size_t> order_;
  std::unordered_map<const ir::Op*, const ir::Op*> loops_;
  std::unordered_map<const ir::Op*, std::vector<const ir::Op*>> readers_;
  std::unordered_map<const ir::Op*, std::vector<ir::Op*>> members_;
};

}  // namespace rondo::passes
