// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Private to remat.
#pragma once

#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ir/graph.h"

namespace rondo::passes {

/// How the ops of a function's body go with a time, the symbol that is the length of loops: which of them can be done for
/// one piece of all times after another, and in which order.
///
/// Pieces are gone through in phases, from the first piece to the last in phases 0, 2, .., from the last to the first in 1,
/// 3, ... A value whose first dim is the time is timed. What is timed and computed in a phase is there piece
/// by piece, in that phase and, computed again, in each later one. All else is whole: there before its phase begins.
class TimeCuts {
 public:
  enum class Kind {
    kWhole,  // done at once, before its phase
    kStep,   // of timed values, row by row: timed
    kLoop,   // a scan of all times: its stacks are timed, its carries whole after its phase
    kSum,    // a dot or a sum over times, in the order of its phase: whole after it
  };

  TimeCuts(const ir::Graph& body, Dim time);

  Kind kind(const ir::Op& op) const { return places_.at(&op).kind; }
  int phase(const ir::Op& op) const { return places_.at(&op).phase; }
  /// How many phases there are that go through pieces, and the last one before which whole values are computed.
  int phases() const { return static_cast<int>(assembled_.size()); }
  int last_phase() const { return last_phase_; }
  /// True if there is a loop to be cut, and not too much code to do it: what goes one way and the other by turns, layer
  /// over layer, is computed again in each phase. Where nothing is computed again, putting values together would only take
  /// memory.
  bool are_worth_it() const;

  bool is_timed(const ir::Value* value) const;
  /// False of what is there piece by piece.
  bool is_whole(const ir::Value* value) const;
  /// What is there piece by piece in a phase first, and is needed whole afterwards.
  const std::vector<const ir::Value*>& assembled(int phase) const { return assembled_.at(phase); }

  /// The steps and loops that make what is needed in a phase, and the phase's sums, in program order.
  std::vector<const ir::Op*> needed(int phase) const;

 private:
  struct Place {
    Kind kind;
    int phase;
  };

  // True if the time is in another dim than the first: there it is no time, but what a memory holds, say.
  bool is_mixed(const ir::Value* value) const;
  Kind kind_of(const ir::Op& op) const;
  bool is_step(const ir::Op& op) const;
  bool is_sum(const ir::Op& op) const;
  static bool reads_pieces(const ir::Op& op, Kind kind, size_t operand);
  int phase_of(const ir::Op& op, Kind kind);
  // The first phase in which all of the value, or its pieces, can be read.
  int after(const ir::Value* value) const;
  int during(const ir::Value* value) const;
  void place(const ir::Op& op);
  void assemble(const ir::Value* value);

  std::vector<const ir::Op*> ops_;
  Dim time_;
  std::unordered_map<const ir::Op*, Place> places_;
  std::unordered_set<const ir::Value*> is_assembled_;
  std::vector<std::vector<const ir::Value*>> assembled_;
  int last_phase_ = 0, last_recorder_ = 0;
  bool has_loops_ = false;
};

}  // namespace rondo::passes
