// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// remat: has what loops stack for later loops computed again, one piece of time after another.
//
// Before:  %h, %hs = scan T index(%t) over(%xt = %x) carry(%h = %h0) use(%w = %W) {.. yield carry(%h1) stack(%h)}
//          %dz = scan T reverse index(%t) over(%ht = %hs) carry(..) use(..) {.. yield carry(..) stack(%dz)}
//          %dW = dot %hs, %dz contract([0,1],[0,1]) descending(2)
// After:   func .. where chosen K, S = T floordiv K+1, N = T floordiv S+1 {             Q, below, is S+1, and R is T-N*Q
//          %xs = reshape (slice %x, the first N*Q times) : f32[N,Q,B,I]
//          %hN, %starts = scan N index(%k) over(%xq = %xs) carry(%h = %h0) use(%w = %W) {
//            %h1 = scan Q .. carry(%h = %h)                       no stacks: only where each piece begins is kept
//            yield carry(%h1) stack(%h) }
//          %h, %hs = scan R ..  carry(%h = %hN)                   the rest of the times, as before
//          %dz = scan R reverse ..  %dWr = dot %hs, %dz ..
//          %dW = scan N reverse index(%k) over(%xq = %xs, %h = %starts) carry(.., %dW = %dWr) use(..) {
//            _, %hs = scan Q .. carry(%h = %h)                    again
//            %dz = scan Q reverse .. over(%ht = %hs)
//            %dW1 = dot %hs, %dz, %dW contract([0,1],[0,1]) descending(2)
//            yield carry(.., %dW1) stack() }
//
// Legal:   exact. Loops are cut between time steps; what works on each time by itself goes with them; sums over time go on
//          from piece to piece, if they go the way of the loop that makes what they sum up. All else is done at once, as
//          before, on values that are put together. What may record an error is done once.
// A loss:  with K = 0 the rest is all, R = T: nothing is computed twice, and only what is needed whole is copied.
//          Otherwise nearly all of the forward pass is, and the code is there three times. So it runs only where memory is
//          limited, and K is about the least with which that suffices.
// Needs:   hoist and sink before it, which make work of all times; none of them behind it, since they would take out of
//          the pieces what is to be there piece by piece. Feeds canonicalise with what is computed twice in the rest.
#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "ir/scan.h"
#include "ir/scan_builder.h"
#include "passes/applications.h"
#include "passes/passes.h"
#include "passes/time_cuts.h"
#include "passes/time_parts.h"

namespace rondo::passes {

using namespace ir;

namespace {

using Kind = TimeCuts::Kind;

// Where ops of one piece of time are written.
class Piece {
 public:
  Piece(Builder& b, Dim length) : b(b), length(length) {}
  virtual ~Piece() = default;

  /// The piece of a whole timed value; all of another one; the first time, i32[].
  virtual Value* cut(Value* whole) = 0;
  virtual Value* all(Value* whole) = 0;
  virtual Value* first() = 0;

  Builder& b;
  const Dim length;
  std::map<const Value*, Value*> values;  // what was written of this piece
};

// The times behind the pieces of the loops.
class Rest : public Piece {
 public:
  Rest(Builder& b, Dim begin, Dim end) : Piece(b, end - begin), begin_(begin), end_(end) {}

  Value* cut(Value* whole) override {
    Value*& cut = cuts_[whole];
    if (cut == nullptr) cut = times(b, whole, begin_, end_);
    return cut;
  }
  Value* all(Value* whole) override { return whole; }
  Value* first() override { return size_as_index(b, begin_); }

 private:
  Dim begin_, end_;
  std::map<const Value*, Value*> cuts_;
};

// One of `count` pieces, in the body of a loop over them.
class LoopPiece : public Piece {
 public:
  LoopPiece(Builder& outer, ScanBuilder& scan, Dim count, Dim length)
      : Piece(scan.b(), length), outer_(outer), scan_(scan), count_(count) {}

  Value* cut(Value* whole) override {
    Value*& cut = cuts_[whole];
    if (cut != nullptr) return cut;
    std::vector<Dim> dims = whole->type.dims;
    dims[0] = length;
    dims.insert(dims.begin(), count_);
    return cut = scan_.over(outer_.reshape(times(outer_, whole, 0, count_ * length), dims), whole->name);
  }
  Value* all(Value* whole) override {
    Value*& used = uses_[whole];
    if (used == nullptr) used = scan_.use(whole, whole->name);
    return used;
  }
  Value* first() override { return b.mul(scan_.index(), size_as_index(b, length)); }

 private:
  Builder& outer_;
  ScanBuilder& scan_;
  const Dim count_;
  std::map<const Value*, Value*> cuts_, uses_;
};

class Remat {
 public:
  Remat(Function& function, Dim time, const TimeCuts& cuts, std::vector<std::unique_ptr<Op>> ops)
      : function_(function),
        time_(time),
        cuts_(cuts),
        ops_(std::move(ops)),
        length_(function.floordiv(time, function.add_chosen("K", function.loc) + 1, function.loc, "S") + 1),
        count_(function.floordiv(time, length_, function.loc, "N")),
        b_(function.body, function.loc.via("remat")),
        rest_(b_, count_ * length_, time) {}

  void run() {
    std::vector<std::vector<size_t>> whole(static_cast<size_t>(cuts_.last_phase()) + 1);
    for (size_t i = 0; i < ops_.size(); ++i)
      if (cuts_.kind(*ops_[i]) == Kind::kWhole)
        whole[static_cast<size_t>(cuts_.phase(*ops_[i]))].push_back(i);
    for (int phase = 0; phase <= cuts_.last_phase(); ++phase) {
      for (const size_t i : whole[static_cast<size_t>(phase)]) write_whole(ops_[i]);
      if (phase < cuts_.phases()) write(phase);
    }
    for (Value*& result : function_.body.results) result = outer(result);
  }

 private:
  // What stands for a whole value now.
  Value* outer(Value* value) const {
    const auto found = outer_.find(value);
    return found == outer_.end() ? value : found->second;
  }

  void write_whole(std::unique_ptr<Op>& op) {
    for (Value*& operand : op->operands) operand = outer(operand);
    function_.body.append(std::move(op));
  }

  void write(int phase) {
    const std::vector<const Op*> needed = cuts_.needed(phase);
    if (needed.empty()) return;
    for (const Op* op : needed)
      if (is_carried(*op, phase)) state_[op] = initial(*op);
    if (phase % 2 == 0) write_loop(phase, needed), write_rest(phase, needed);
    if (phase % 2 == 1) write_rest(phase, needed), write_loop(phase, needed);
    for (const Op* op : needed)
      if (is_carried(*op, phase))
        for (size_t i = 0; i < state_[op].size(); ++i) outer_[op->results[i].get()] = state_[op][i];
    for (const Value* value : cuts_.assembled(phase)) assemble(value);
  }

  bool is_carried(const Op& op, int phase) const {
    return cuts_.kind(op) != Kind::kStep && cuts_.phase(op) == phase;
  }

  Values initial(const Op& op) {
    b_.loc = op.loc.via("remat");
    Values values;
    if (cuts_.kind(op) == Kind::kSum) {
      Value* start = start_of_sums(op);
      return {start != nullptr ? outer(start) : b_.constant(op.result()->type, 0.0)};
    }
    for (Value* carry : Scan(op).carry) values.push_back(outer(carry));
    return values;
  }

  // What an earlier phase has written of the rest is there.
  void write_rest(int phase, const std::vector<const Op*>& needed) {
    for (const Op* op : needed)
      if (is_carried(*op, phase))
        state_[op] = write_carried(rest_, *op, state_[op]);
      else if (cuts_.kind(*op) == Kind::kStep && !rest_.values.contains(op->result()))
        write_step(rest_, *op);
  }

  void write_loop(int phase, const std::vector<const Op*>& needed) {
    Loc loc = needed.front()->loc;
    for (const Op* op : needed)
      if (cuts_.kind(*op) == Kind::kLoop) loc = op->loc;
    b_.loc = loc.via("remat");
    ScanBuilder scan(function_, b_.loc);
    scan.index()->name = "k";
    LoopPiece piece(b_, scan, count_, length_);
    std::map<const Op*, Values> begins, ends;  // of what is carried
    for (const Op* op : needed) {
      if (!is_carried(*op, phase)) continue;
      for (size_t i = 0; i < state_[op].size(); ++i)
        begins[op].push_back(scan.carry(state_[op][i], op->results[i]->name));
    }
    for (const Op* op : needed) {
      if (is_carried(*op, phase)) {
        ends[op] = write_carried(piece, *op, begins[op]);
      } else if (cuts_.kind(*op) == Kind::kLoop) {
        Values carries;
        for (Value* kept : kept_[op]) carries.push_back(scan.over(kept, kept->name));
        write_carried(piece, *op, carries);
      } else {
        write_step(piece, *op);
      }
    }

    Values carries, stacks;
    for (const Op* op : needed) carries.insert(carries.end(), ends[op].begin(), ends[op].end());
    for (const Op* op : needed)
      if (cuts_.kind(*op) == Kind::kLoop) stacks.insert(stacks.end(), begins[op].begin(), begins[op].end());
    for (const Value* value : cuts_.assembled(phase)) stacks.push_back(piece.values.at(value));
    if (carries.empty() && stacks.empty()) return;
    b_.loc = loc.via("remat");
    const Op& loop = *scan.emit(b_, count_, phase % 2 == 1, carries, stacks);

    int next = 0;
    for (const Op* op : needed)
      for (size_t i = 0; i < ends[op].size(); ++i) state_[op][i] = loop.result(next++);
    for (const Op* op : needed)
      for (size_t i = 0; cuts_.kind(*op) == Kind::kLoop && i < begins[op].size(); ++i)
        kept_[op].push_back(loop.result(next++));
    for (const Value* value : cuts_.assembled(phase)) pieces_[value] = loop.result(next++);
  }

  // All pieces of a value, then the rest.
  void assemble(const Value* value) {
    if (value->op != nullptr) b_.loc = value->op->loc.via("remat");
    std::vector<Dim> dims = value->type.dims;
    dims[0] = count_ * length_;
    outer_[value] = b_.concat({b_.reshape(pieces_.at(value), dims), rest_.values.at(value)}, 0);
    outer_[value]->name = value->name;
  }

  Value* operand(Piece& piece, Value* value, bool in_pieces) {
    if (!in_pieces || !cuts_.is_timed(value)) return piece.all(outer(value));
    return cuts_.is_whole(value) ? piece.cut(outer(value)) : piece.values.at(value);
  }

  void write_step(Piece& piece, const Op& op) {
    piece.b.loc = op.loc.via("remat");
    Values operands;
    for (Value* value : op.operands) operands.push_back(operand(piece, value, true));
    const std::map<std::string, Dim, std::less<>> times = {{time_.text(), piece.length}};
    std::vector<Attr> attrs = op.attrs;
    for (Attr& attr : attrs)
      for (AttrArg& arg : attr.args)
        if (auto* dims = std::get_if<std::vector<Dim>>(&arg))
          for (Dim& dim : *dims) dim = dim.substitute(times);
    std::vector<Type> types;
    for (const auto& result : op.results) {
      types.push_back(result->type);
      types.back().dims[0] = piece.length;
    }
    const Op& copy = *piece.b.emit(*op.row, std::move(operands), std::move(attrs), std::move(types));
    keep(piece, op, copy, 0);
  }

  // A loop or a sum, which begins with `values`; returns those at the end.
  Values write_carried(Piece& piece, const Op& op, const Values& values) {
    piece.b.loc = op.loc.via("remat");
    if (cuts_.kind(op) == Kind::kSum) {
      Values operands;
      const size_t summands = op.operands.size() - (start_of_sums(op) != nullptr ? 1 : 0);
      for (size_t i = 0; i < summands; ++i) operands.push_back(operand(piece, op.operands[i], true));
      operands.push_back(values[0]);
      return {piece.b.emit(*op.row, std::move(operands), op.attrs)->result()};
    }
    const Op& copy = *write_scan(piece, op, values);
    Values ends;
    for (size_t i = 0; i < values.size(); ++i) ends.push_back(copy.results[i].get());
    keep(piece, op, copy, values.size());
    return ends;
  }

  const Op* write_scan(Piece& piece, const Op& op, const Values& carries) {
    const Scan scan(op);
    Values operands;
    for (Value* value : scan.over) operands.push_back(operand(piece, value, true));
    operands.insert(operands.end(), carries.begin(), carries.end());
    for (Value* value : scan.use) operands.push_back(operand(piece, value, false));
    std::vector<int> groups = op.groups;
    std::vector<std::unique_ptr<Graph>> regions;
    regions.push_back(clone_graph(*scan.body, &function_, nullptr));
    if (shift_index(*regions[0])) {
      operands.push_back(piece.first());
      ++groups[2];
    }
    std::vector<Attr> attrs = {make_attr(ops::scan, "length", {piece.length})};
    if (scan.reverse()) attrs.push_back(make_attr(ops::scan, "reverse", {}));
    return piece.b.emit_region(ops::scan, std::move(operands), std::move(groups), std::move(attrs),
                               std::move(regions), {});
  }

  // Has the body count from a further parameter on, if it reads the index.
  static bool shift_index(Graph& body) {
    Value* index = body.param(0);
    bool is_read = false;
    const auto visit_reads = [&](auto&& visit) {
      for (const auto& op : body.ops)
        for (Value*& operand : op->operands)
          if (operand == index) visit(operand);
      for (Value*& result : body.results)
        if (result == index) visit(result);
    };
    visit_reads([&](Value*&) { is_read = true; });
    if (!is_read) return false;
    Value* first = body.add_param(i32[{}], "first");
    auto ops = std::move(body.ops);
    body.ops.clear();
    Value* shifted = Builder(body, ops.empty() ? Loc::unknown() : ops[0]->loc.via("remat")).add(index, first);
    for (auto& op : ops) body.ops.push_back(std::move(op));
    visit_reads([&](Value*& read) {
      if (&read != &shifted->op->operands[0]) read = shifted;
    });
    return true;
  }

  // Results from number `from` on are timed.
  static void keep(Piece& piece, const Op& op, const Op& copy, size_t from) {
    for (size_t i = 0; i < op.results.size(); ++i) {
      copy.results[i]->name = op.results[i]->name;
      if (i >= from) piece.values[op.results[i].get()] = copy.results[i].get();
    }
  }

  Function& function_;
  const Dim time_;
  const TimeCuts& cuts_;
  std::vector<std::unique_ptr<Op>> ops_;
  const Dim length_, count_;  // of pieces
  Builder b_;
  Rest rest_;
  std::map<const Value*, Value*> outer_;
  std::map<const Op*, Values> state_;      // of loops and sums: what they have come to
  std::map<const Op*, Values> kept_;       // of loops: the carries at the begin of each piece
  std::map<const Value*, Value*> pieces_;  // of what is assembled
};

// The lengths of the function's own loops that are symbols, in the order in which they are met. What hangs on a chosen
// size is the work of this pass.
std::vector<Dim> loop_times(const Function& function) {
  std::set<std::string> made;
  for (const DerivedSize& size : function.derived)
    if (size.chosen ||
        std::ranges::any_of(size.symbols(), [&](const auto& symbol) { return made.contains(symbol); }))
      made.insert(size.name);
  std::vector<Dim> times;
  for (const auto& op : function.body.ops) {
    if (op->row != &ops::scan) continue;
    const Dim length = Scan(*op).length();
    if (length.is_symbol() && !made.contains(length.text()) &&
        std::ranges::find(times, length) == times.end())
      times.push_back(length);
  }
  return times;
}

}  // namespace

bool remat(Function& function) {
  bool changed = false;
  for (const Dim time : loop_times(function)) {
    constexpr size_t kSizes = 3;  // that a cut adds to the function
    if (function.derived.size() + kSizes > kMaxGuards) break;
    const TimeCuts cuts(function.body, time);
    if (!cuts.are_worth_it() || !Applications::one_more()) continue;
    auto ops = std::move(function.body.ops);
    function.body.ops.clear();
    Remat(function, time, cuts, std::move(ops)).run();
    Applications::done();
    changed = true;
  }
  if (changed) remove_dead_code(function);
  return changed;
}

}  // namespace rondo::passes
