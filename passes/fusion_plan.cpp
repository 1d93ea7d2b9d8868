// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "passes/fusion_plan.h"

#include <algorithm>
#include <unordered_map>

#include "ir/error.h"
#include "ir/fusion.h"
#include "ir/op_row.h"
#include "ir/strides.h"

namespace rondo::passes {

namespace {

// Which element of a value is meant, for the indices i of a nest: index k of the value is
// i[entries[k].loop] + entries[k].offset.
struct IndexMap {
  struct Entry {
    int loop = -1;  // -1: the offset alone
    Dim offset = 0;
    friend bool operator==(const Entry&, const Entry&) = default;
  };
  std::vector<Entry> entries;
  friend bool operator==(const IndexMap&, const IndexMap&) = default;
};

IndexMap identity(size_t rank) {
  IndexMap map;
  for (size_t i = 0; i < rank; ++i) map.entries.push_back({static_cast<int>(i), 0});
  return map;
}

IndexMap moved(IndexMap map, const std::vector<Dim>& by) {
  for (size_t i = 0; i < by.size(); ++i) map.entries[i].offset = map.entries[i].offset + by[i];
  return map;
}

Place place(const IndexMap& map, const std::vector<Dim>& strides, size_t loops) {
  Place place{0, std::vector<Dim>(loops, 0)};
  for (size_t k = 0; k < map.entries.size(); ++k) {
    const auto [loop, offset] = map.entries[k];
    place.offset = place.offset + offset * strides[k];
    if (loop >= 0) place.strides[loop] = place.strides[loop] + strides[k];
  }
  return place;
}

// A view's result is its operand, read elsewhere. For each op that is one: the map through which the operand
// is read where the result `part` is read through `map`.
using Through = IndexMap (*)(const ir::Op& op, int part, IndexMap map);

IndexMap through_slice(const ir::Op& op, int, IndexMap map) {
  return moved(std::move(map), op.dims_attr("lo"));
}

IndexMap through_split(const ir::Op& op, int part, IndexMap map) {
  Dim& offset = map.entries[op.int_attr("dim")].offset;
  for (int k = 0; k < part; ++k) offset = offset + op.dims_attr("sizes")[k];
  return map;
}

IndexMap through_broadcast(const ir::Op& op, int, IndexMap map) {
  IndexMap from;
  for (int64_t dim : op.ints_attr("dims")) from.entries.push_back(map.entries[dim]);
  return from;
}

IndexMap through_transpose(const ir::Op& op, int, IndexMap map) {
  IndexMap from = map;
  const auto perm = op.ints_attr("perm");
  for (size_t i = 0; i < perm.size(); ++i) from.entries[perm[i]] = map.entries[i];
  return from;
}

// Of a reshape that only adds or drops dims of 1.
IndexMap through_units(const ir::Op& reshape, int, IndexMap map) {
  const std::vector<Dim>& to = reshape.result()->type.dims;
  std::vector<IndexMap::Entry> kept;
  for (size_t k = 0; k < to.size(); ++k)
    if (!to[k].is_constant(1)) kept.push_back(map.entries[k]);
  IndexMap from;
  auto next = kept.begin();
  for (Dim dim : reshape.operands[0]->type.dims)
    from.entries.push_back(dim.is_constant(1) ? IndexMap::Entry{} : *next++);
  return from;
}

// nullptr if the op is no view.
Through through_view(const ir::Op& op) {
  namespace ops = ir::ops;
  if (!ir::is_view(op)) return nullptr;
  static const std::unordered_map<const ir::OpRow*, Through> views = {{&ops::slice, through_slice},
                                                                      {&ops::split, through_split},
                                                                      {&ops::broadcast, through_broadcast},
                                                                      {&ops::transpose, through_transpose},
                                                                      {&ops::reshape, through_units}};
  return views.at(op.row);
}

// A value to be written: all of a result or a part of it.
struct Piece {
  const ir::Value* value;
  int result;
  std::vector<Dim> offset;
  const ir::Op* fill = nullptr;   // a pad, whose number is written all over the result; then no value
  const ir::Op* total = nullptr;  // of these values
};

class Planner {
 public:
  explicit Planner(const ir::Op& op) : op_(op) {
    if (op.row == &ir::ops::fusion) {
      const ir::Graph& body = *op.regions[0];
      for (const auto& inner : body.ops) ops_.push_back(inner.get());
      for (const auto& param : body.params) inputs_.emplace(param.get(), inputs_.size());
    } else {
      ops_.push_back(&op);
      for (size_t i = 0; i < op.operands.size(); ++i)
        inputs_.emplace(op.operands[i], static_cast<int>(i));  // the first of equal ones
    }
  }

  std::vector<Nest> run() {
    for (const Piece& piece : pieces()) {
      const std::vector<Dim>& dims = piece.fill ? piece.fill->result()->type.dims : piece.value->type.dims;
      auto same =
          std::find_if(groups_.begin(), groups_.end(), [&](const Group& g) { return g.dims == dims; });
      if (same == groups_.end()) same = groups_.insert(same, {dims, {}});
      same->pieces.push_back(piece);
    }
    std::vector<Nest> nests;
    for (const Group& group : groups_) nests.push_back(plan(group));
    return nests;
  }

 private:
  struct Group {
    std::vector<Dim> dims;
    std::vector<Piece> pieces;
  };
  struct Read {
    IndexMap map;
    int step = -1;
  };
  using Reads = std::unordered_map<const ir::Value*, std::vector<Read>>;

  bool is_input(const ir::Value* value) const { return inputs_.count(value) > 0; }

  // Results fall into pieces: of a concat its operands, of a lone pad the padding and what is padded.
  std::vector<Piece> pieces() const {
    const bool lone = op_.row != &ir::ops::fusion;
    std::vector<Piece> done;
    for (size_t r = 0; r < op_.results.size(); ++r) {
      const ir::Value* value = lone ? op_.result(static_cast<int>(r)) : op_.regions[0]->results[r];
      std::vector<Piece> open = {{value, static_cast<int>(r), std::vector<Dim>(value->type.dims.size(), 0)}};
      while (!open.empty()) {
        const Piece piece = open.back();
        open.pop_back();
        const ir::Op* maker = is_input(piece.value) ? nullptr : piece.value->op;
        if (maker != nullptr && maker->row == &ir::ops::concat)
          cut_concat(*maker, piece, open);
        else if (maker != nullptr && ir::is_total(*maker))
          done.push_back({maker->operands[0], piece.result, {}, nullptr, maker});
        else if (maker == &op_ && maker->row == &ir::ops::pad)
          cut_pad(piece, done);
        else
          done.push_back(piece);
      }
    }
    return done;
  }

  static void cut_concat(const ir::Op& concat, Piece piece, std::vector<Piece>& pieces) {
    const int64_t dim = concat.int_attr("dim");
    for (const ir::Value* part : concat.operands) {
      piece.value = part;
      pieces.push_back(piece);
      piece.offset[dim] = piece.offset[dim] + part->type.dims[dim];
    }
  }

  void cut_pad(Piece piece, std::vector<Piece>& pieces) const {
    pieces.push_back({nullptr, piece.result, piece.offset, &op_});
    pieces.push_back({op_.operands[0], piece.result, op_.dims_attr("lo")});
  }

  Nest plan(const Group& group) const {
    Nest nest{group.dims, {}, {}};
    Reads reads;
    for (const Piece& piece : group.pieces)
      if (piece.fill == nullptr) request(reads, piece.value, identity(group.dims.size()));
    for (size_t i = ops_.size(); i-- > 0;) request_operands(reads, *ops_[i]);
    for (const ir::Op* op : ops_) add_steps(nest, reads, *op);
    for (const Piece& piece : group.pieces) {
      const int step = piece.fill ? add(nest, {.op = piece.fill})
                                  : step_of(nest, reads, piece.value, identity(group.dims.size()));
      nest.writes.push_back({step, piece.result, place_of(piece, group.dims.size()), piece.total});
    }
    merge_loops(nest);
    return nest;
  }

  Place place_of(const Piece& piece, size_t loops) const {
    IndexMap map = moved(identity(loops), piece.offset);
    if (piece.total != nullptr) {
      const auto reduced = piece.total->ints_attr("dims");
      std::erase_if(map.entries, [&](const IndexMap::Entry& entry) {
        return std::find(reduced.begin(), reduced.end(), entry.loop) != reduced.end();
      });
    }
    return place(map, ir::strides_of(op_.result(piece.result)->type.dims), loops);
  }

  static void request(Reads& reads, const ir::Value* value, const IndexMap& map) {
    std::vector<Read>& known = reads[value];
    const auto same = [&](const Read& read) { return read.map == map; };
    if (std::none_of(known.begin(), known.end(), same)) known.push_back({map});
  }

  void request_operands(Reads& reads, const ir::Op& op) const {
    for (const auto& result : op.results) {
      const auto found = reads.find(result.get());
      if (found == reads.end()) continue;
      const std::vector<Read> asked = found->second;  // a copy: `reads` grows
      for (const Read& read : asked) {
        if (const Through through = through_view(op)) {
          request(reads, op.operands[0], through(op, result->index, read.map));
        } else if (op.row->is_elementwise()) {
          for (const ir::Value* operand : op.operands) request(reads, operand, read.map);
        } else if (op.row != &ir::ops::constant && op.row != &ir::ops::iota && op.row != &ir::ops::dim) {
          throw InternalError("fusion_plan: " + op.row->name + " can't stand in a fusion");
        }
      }
    }
  }

  // In program order, so the steps of operands are there.
  void add_steps(Nest& nest, Reads& reads, const ir::Op& op) const {
    for (const auto& result : op.results) {
      const auto found = reads.find(result.get());
      if (found == reads.end()) continue;
      for (size_t i = 0; i < found->second.size(); ++i) {
        const IndexMap map = found->second[i].map;
        if (const Through through = through_view(op)) {
          const IndexMap from = through(op, result->index, map);
          found->second[i].step = step_of(nest, reads, op.operands[0], from);
          continue;
        }
        Step step{.op = &op};
        for (const ir::Value* operand : op.operands) step.args.push_back(step_of(nest, reads, operand, map));
        step.at = Place{0, std::vector<Dim>(nest.dims.size(), 0)};
        if (op.row == &ir::ops::iota) {
          std::vector<Dim> along(map.entries.size(), 0);
          along[op.int_attr("dim")] = 1;
          step.at = place(map, along, nest.dims.size());
          if (op.has_attr("first")) step.at.offset = step.at.offset + op.dim_attr("first");
        }
        found->second[i].step = add(nest, std::move(step));
      }
    }
  }

  // An input's step is made where it is first used.
  int step_of(Nest& nest, Reads& reads, const ir::Value* value, const IndexMap& map) const {
    for (Read& read : reads.at(value)) {
      if (read.map != map) continue;
      if (read.step < 0)
        read.step = add(nest, {.input = inputs_.at(value),
                               .at = place(map, ir::strides_of(value->type.dims), nest.dims.size())});
      return read.step;
    }
    throw InternalError("fusion_plan: a value is read where none was asked for");
  }

  static int add(Nest& nest, Step step) {
    if (step.at.strides.empty()) step.at.strides.resize(nest.dims.size(), 0);
    nest.steps.push_back(std::move(step));
    return static_cast<int>(nest.steps.size()) - 1;
  }

  static void merge_loops(Nest& nest) {
    std::vector<Place*> places;
    for (Step& step : nest.steps) places.push_back(&step.at);
    for (Write& write : nest.writes) places.push_back(&write.at);
    for (size_t l = nest.dims.size(); l-- > 0;)
      if (nest.dims[l].is_constant(1)) erase_loop(nest, places, l);
    for (size_t l = nest.dims.size() - (nest.has_rows() ? 1 : 0); l-- > 1;) {
      const Dim inner = nest.dims[l];
      const auto runs_on = [&](const Place* p) { return p->strides[l - 1] == p->strides[l] * inner; };
      if (!std::all_of(places.begin(), places.end(), runs_on)) continue;
      nest.dims[l] = nest.dims[l - 1] * inner;
      erase_loop(nest, places, l - 1);
    }
  }

  static void erase_loop(Nest& nest, const std::vector<Place*>& places, size_t loop) {
    const auto at = static_cast<std::ptrdiff_t>(loop);
    nest.dims.erase(nest.dims.begin() + at);
    for (Place* place : places) place->strides.erase(place->strides.begin() + at);
  }

  const ir::Op& op_;
  std::vector<const ir::Op*> ops_;
  std::unordered_map<const ir::Value*, int> inputs_;
  std::vector<Group> groups_;
};

}  // namespace

bool Nest::has_rows() const {
  return std::any_of(writes.begin(), writes.end(), [](const Write& write) { return write.runs_along(); });
}

std::vector<Nest> plan_fusion(const ir::Op& op) { return Planner(op).run(); }

}  // namespace rondo::passes
