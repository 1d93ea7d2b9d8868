// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ir/graph.h"

// Rows that have ended in sizes: how many rows a step of a live scan runs.
namespace rondo::codegen {

/// A scan that is live.
struct LiveLoop {
  size_t over;         ///< the number of the over that says which rows are alive
  Dim rows;            ///< how many there are
  std::string symbol;  ///< of how many a step runs: all up to the last one that is alive
};

/// Gives the dims that hold rows, in the bodies of live scans, symbols of their own, as long as it lives. Only the code of
/// these bodies may be made of the function then, nothing that asks how much memory values take.
class LiveLoops {
 public:
  explicit LiveLoops(ir::Function& function);
  ~LiveLoops();
  LiveLoops(const LiveLoops&) = delete;
  LiveLoops& operator=(const LiveLoops&) = delete;

  /// Null if the op is no such scan.
  const LiveLoop* find(const ir::Op& op) const;
  /// The symbols among the dims of what the op gives.
  std::vector<std::string> symbols_of(const ir::Op& op) const;

 private:
  void give_symbol(ir::Op& scan, std::string symbol);

  std::unordered_map<const ir::Op*, LiveLoop> loops_;
  std::unordered_set<std::string> symbols_;
  std::vector<std::pair<Dim*, Dim>> before_;  // what to put back
};

}  // namespace rondo::codegen
