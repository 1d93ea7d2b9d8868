// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/scan.h"

#include "frontend/src/lengths.h"
#include "frontend/src/trace.h"
#include "rondo/functions.h"

namespace rondo::detail {

namespace {

Type time_slice(const Type& type) { return {type.dtype, {type.dims.begin() + 1, type.dims.end()}}; }

// Row lengths are nothing but selects by the mask `t < length`, so all that is derived from a scan (its
// gradient, its reverse, nesting) is right without knowing of them.
class RowMask {
 public:
  /// The mask of what has `mask`'s dims first.
  RowMask(Trace& trace, const Tensor& mask, Loc loc)
      : trace_(trace), loc_(loc), mask_(trace.value(mask, loc)) {}

  /// `live` where the row is live, else `dead`, or 0.
  ir::Value* select(ir::Value* live, ir::Value* dead = nullptr) {
    ir::Builder b = trace_.builder(loc_);
    if (dead == nullptr) dead = b.constant(live->type, 0);
    return b.select(spread(b, live->type.dims), live, dead);
  }

  bool fits(const Type& type) const {
    const std::vector<Dim>& dims = mask_->type.dims;
    return type.dims.size() >= dims.size() && std::equal(dims.begin(), dims.end(), type.dims.begin());
  }

 private:
  ir::Value* spread(ir::Builder& b, const std::vector<Dim>& dims) {
    for (ir::Value* known : spread_)
      if (known->type.dims == dims) return known;
    std::vector<int64_t> leading(mask_->type.dims.size());
    for (size_t i = 0; i < leading.size(); ++i) leading[i] = static_cast<int64_t>(i);
    return spread_.emplace_back(b.broadcast(mask_, leading, dims));
  }

  Trace& trace_;
  Loc loc_;
  ir::Value* mask_;
  ir::Values spread_;  // the mask as it was broadcast so far
};

// The scan while it is put together.
class ScanBuilder {
 public:
  ScanBuilder(const ScanRequest& request, Loc loc)
      : request_(request),
        loc_(loc),
        trace_(Trace::current(loc)),
        body_(std::make_unique<ir::Graph>(&trace_.function())) {}

  ScanTensors build() {
    bind_over();
    bind_carries();
    trace_body();
    ir::Builder b = trace_.builder(loc_);
    std::vector<ir::Attr> attrs = {ir::make_attr(ir::ops::scan, "length", {length_})};
    if (request_.reverse) attrs.push_back(ir::make_attr(ir::ops::scan, "reverse", {}));
    if (request_.unroll > 1) attrs.push_back(ir::make_attr(ir::ops::scan, "unroll", {Dim(request_.unroll)}));
    std::vector<std::unique_ptr<ir::Graph>> regions;
    regions.push_back(std::move(body_));
    const ir::Op* op =
        b.emit_region(ir::ops::scan, operands_, groups_, std::move(attrs), std::move(regions), {});

    ScanTensors result;
    const size_t carries = request_.initial.size();
    for (size_t i = 0; i < op->results.size(); ++i)
      (i < carries       ? result.last
       : i < 2 * carries ? result.all
                         : result.out)
          .push_back(trace_.tensor(op->result(static_cast<int>(i))));
    return result;
  }

 private:
  void bind_over() {
    for (const auto& [name, tensor] : request_.over) {
      const Type& type = tensor.type(loc_);
      if (type.rank() == 0)
        fail(loc_, "scan: an input has the time as its first dim, found " + label(name, "x") + type.text());
      if (operands_.empty()) length_ = type.dims[0];
      if (type.dims[0] != length_)
        fail(loc_,
             "scan: inputs have as many time steps, found " + length_.text() + " and " + type.dims[0].text());
      operands_.push_back(trace_.value(tensor, loc_));
    }
    time_ = body_->add_param(i32[{}], "t");
    mask_inputs();
    for (size_t i = 0; i < operands_.size(); ++i)
      body_->add_param(time_slice(operands_[i]->type),
                       request_.over[i].first.empty() ? "x" : request_.over[i].first);
    groups_ = {static_cast<int>(operands_.size()), static_cast<int>(request_.initial.size()), 0};
  }

  bool has_lengths() const { return !request_.length.is_empty(); }

  // Inputs are masked once, out here: the padding may hold anything, NaN too.
  void mask_inputs() {
    if (!has_lengths()) return;
    CalledFrom here(loc_);
    lengths_ = checked_lengths("scan", request_.length, length_, loc_);
    RowMask mask(trace_, mask_of_lengths(lengths_, length_), loc_);
    for (size_t i = 0; i < operands_.size(); ++i) {
      if (!mask.fits(operands_[i]->type))
        fail(loc_, "scan: with lengths " + request_.length.type().text() + " an input is [" + length_.text() +
                       "," + lengths_.dim(0).text() + ",..], found " + label(request_.over[i].first, "x") +
                       operands_[i]->type.text());
      operands_[i] = mask.select(operands_[i]);
    }
  }

  void bind_carries() {
    for (const auto& [name, tensor] : request_.initial) {
      operands_.push_back(trace_.value(tensor, loc_));
      body_->add_param(operands_.back()->type, name.empty() ? "state" : name);
    }
  }

  void trace_body() {
    Region region(trace_, *body_, time_, loc_);
    std::vector<Tensor> over, state;
    for (size_t i = 0; i < request_.over.size(); ++i) over.push_back(trace_.tensor(body_->param(1 + i)));
    for (size_t i = 0; i < request_.initial.size(); ++i)
      state.push_back(trace_.tensor(body_->param(1 + over.size() + i)));
    const Tensor time = trace_.tensor(time_);
    const std::vector<NamedTensors> yielded = request_.cell(over, state, time);

    ir::Values next = checked_state(yielded[0]), out;
    for (const auto& [name, tensor] : yielded[1]) out.push_back(trace_.value(tensor, loc_));
    ir::Values stacks = next;
    stacks.insert(stacks.end(), out.begin(), out.end());
    if (has_lengths()) mask_results(time, next, stacks);
    body_->results = next;
    body_->results.insert(body_->results.end(), stacks.begin(), stacks.end());
    groups_[2] = static_cast<int>(region.captured().size());
    operands_.insert(operands_.end(), region.captured().begin(), region.captured().end());
  }

  ir::Values checked_state(const NamedTensors& state) {
    ir::Values next;
    for (size_t i = 0; i < state.size(); ++i) {
      const ir::Value* enters = body_->param(static_cast<int>(1 + request_.over.size() + i));
      next.push_back(trace_.value(state[i].second, loc_));
      if (enters->type != next.back()->type)
        fail(loc_, "scan: carry '" + enters->name + "' enters as " + enters->type.text() + " and leaves as " +
                       next.back()->type.text() +
                       ": the cell must return each part of its state with the type that "
                       "the initial state gives it");
    }
    return next;
  }

  // Past a row's length its state stands still and what is stacked is 0.
  void mask_results(const Tensor& time, ir::Values& next, ir::Values& stacks) {
    CalledFrom here(loc_);
    RowMask mask(trace_, time < lengths_, loc_);
    const auto check_rows = [&](const ir::Value* value, const std::string& what) {
      if (!mask.fits(value->type))
        fail(loc_, "scan: with lengths the first dim of " + what + " must be the rows, " +
                       lengths_.dim(0).text() + ", found " + value->type.text());
    };
    for (ir::Value*& stack : stacks) {
      check_rows(stack, "every state and out");
      stack = mask.select(stack);
    }
    for (size_t i = 0; i < next.size(); ++i)
      next[i] = mask.select(next[i], body_->param(static_cast<int>(1 + request_.over.size() + i)));
  }

  static std::string label(const std::string& name, const char* lone) {
    return "'" + (name.empty() ? lone : name) + "' ";
  }

  const ScanRequest& request_;
  Loc loc_;
  Trace& trace_;
  std::unique_ptr<ir::Graph> body_;
  ir::Value* time_ = nullptr;
  Dim length_;
  Tensor lengths_;  // checked
  ir::Values operands_;
  std::vector<int> groups_;
};

}  // namespace

ScanTensors scan_lists(const ScanRequest& request, Loc loc) {
  if (request.unroll < 1)
    fail(loc, "scan: .unroll is " + std::to_string(request.unroll) +
                  ", expected a number of time steps, 1 or more");
  return ScanBuilder(request, loc).build();
}

Dim rows_of(const NamedTensors& over, Loc loc) {
  const Type& type = over.at(0).second.type(loc);
  if (type.rank() < 2)
    fail(loc, "scan: cell.initial(rows) takes the second dim of the input, which is " + type.text() +
                  "; give the state by .initial");
  return type.dims[1];
}

void fail_without_initial(Loc loc) {
  fail(
      loc,
      "scan: the cell has no initial(Dim rows): add it, or give the state before the first step by .initial");
}

}  // namespace rondo::detail
