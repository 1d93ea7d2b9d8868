// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// The microkernel behind every dot that has a free dim on its right.
//
//   for each block of rows               so that a stays in the second cache while all panels go by
//     for each block of K                so that the panel of b that is at work stays in the first cache
//       for each panel of columns        a few vectors wide; copied to scratch if many rows will read it
//         for each tile of rows          all of its accumulators are registers
//           for each k of the block      one fma an accumulator
//
// c is stored at the end of a block and loaded at the begin of the next one, which keeps the chain of fmas.
// Columns that fill no panel go to panels of one masked vector, rows that fill no tile to smaller tiles.
#include "backends/llvm/codegen/dot_kernel.h"

#include <llvm/IR/InlineAsm.h>
#include <llvm/IR/IntrinsicsX86.h>

#include <vector>

#include "backends/llvm/codegen/builder_llvm.h"

namespace rondo::codegen {
namespace {

using llvm::Value;

constexpr std::int64_t kBlock = 128;    // of K: a panel of 4 vectors of AVX-512 takes 32 KB then
constexpr std::int64_t kPackRows = 48;  // with fewer rows a packed panel is not read often enough to pay

/// The columns that are done at a time, and the heights of the tiles that all rows are cut into, high to low.
struct Panel {
  int vectors;
  bool masked;
  std::vector<int> tile_rows;
};

// Accumulators, a row of the panel and an element of a fill the registers. Two fma units with a latency of
// four cycles want eight accumulators or more, so a panel of one vector has high tiles.
Panel wide_panel(const Target& target) {
  if (target.isa == Isa::base) return {1, false, {1}};
  return {target.isa >= Isa::avx512 ? 4 : 2, false, {6, 4, 3, 2, 1}};
}
Panel narrow_panel(const Target& target) {
  if (target.isa == Isa::base) return {1, true, {1}};
  return {1, true, {8, 4, 1}};
}

class DotGenerator {
 public:
  DotGenerator(const CodeModule& code, const Target& target, runtime::ElementType type, std::string_view name)
      : module_(code.module()),
        builder_(code.context()),
        target_(target),
        name_(name),
        pairs_(type == runtime::ElementType::bf16 && has_bf16_pairs(target)),
        lanes_(target.lanes(static_cast<int>(runtime::element_size(stored(type))))),
        align_(runtime::element_size(stored(type))),
        element_(float_type(code.context(), stored(type))),
        vector_(llvm::FixedVectorType::get(element_, lanes_)),
        pointer_(builder_.getPtrTy()),
        index_(builder_.getInt64Ty()) {}

  void emit() {
    Panel wide = wide_panel(target_);
    emit_driver(wide, emit_panel(wide), emit_panel(narrow_panel(target_)));
  }

 private:
  /// What the functions that do a panel or a column of tiles get: one block of K. kCount is the number of
  /// rows or tiles; kColumns is the number of columns left, of use if masked; kFromC: start from c and not
  /// from +0. kAhead and its stride kAheadK are the panel of b that is read next: the highest tiles prefetch
  /// it, since the hardware does not foresee rows that are far apart.
  enum Argument { kA, kB, kC, kCount, kK, kARow, kAK, kBK, kCRow, kColumns, kFromC, kAhead, kAheadK };

  llvm::Function* begin_panel_function(const llvm::Twine& name, Values& arguments) {
    return begin_function(builder_, module_, name,
                          {pointer_, pointer_, pointer_, index_, index_, index_, index_, index_, index_,
                           index_, builder_.getInt1Ty(), pointer_, index_},
                          llvm::Function::InternalLinkage, arguments);
  }

  /// A pair of bf16 is loaded as the bits of an f32.
  runtime::ElementType stored(runtime::ElementType type) const {
    return pairs_ ? runtime::ElementType::f32 : type;
  }

  Value* constant(std::int64_t value) { return builder_.getInt64(value); }
  Value* at(Value* base, Value* offset) { return builder_.CreateGEP(element_, base, offset); }
  Value* at(Value* base, std::int64_t offset) { return at(base, constant(offset)); }

  /// Hides where an offset comes from. Strength reduction would turn the addresses of a's rows into a chain
  /// of additions otherwise, which takes longer than the fmas of a narrow tile.
  Value* opaque(Value* offset) {
    auto* type = llvm::FunctionType::get(index_, {index_}, false);
    return builder_.CreateCall(type, llvm::InlineAsm::get(type, "", "=r,0", false), {offset});
  }

  Value* load(Value* address, Value* mask) {
    if (!mask) return builder_.CreateAlignedLoad(vector_, address, align_);
    return builder_.CreateMaskedLoad(vector_, address, align_, mask, llvm::Constant::getNullValue(vector_));
  }

  void store(Value* value, Value* address, Value* mask) {
    if (mask) {
      builder_.CreateMaskedStore(value, address, align_, mask);
    } else {
      builder_.CreateAlignedStore(value, address, align_);
    }
  }

  /// All rows over one panel and one block of K.
  llvm::Function* emit_panel(const Panel& panel) {
    Values args;
    llvm::Function* function = begin_panel_function(name_ + ".panel" + llvm::Twine(panel.vectors), args);
    for (int rows : panel.tile_rows) {
      Value* left = args[kCount];
      const bool may_spare = rows == panel.tile_rows[0] && panel.tile_rows.size() > 3;
      args[kCount] = may_spare ? spare_tile(left, rows) : builder_.CreateUDiv(left, constant(rows));
      llvm::Function* tiles = emit_tiles(panel, rows);
      emit_if(builder_, builder_.CreateICmpNE(args[kCount], constant(0)),
              [&] { builder_.CreateCall(tiles, args); });
      Value* done = builder_.CreateMul(args[kCount], constant(rows));
      args[kA] = at(args[kA], builder_.CreateMul(done, args[kARow]));
      args[kC] = at(args[kC], builder_.CreateMul(done, args[kCRow]));
      args[kCount] = builder_.CreateSub(left, done);
    }
    builder_.CreateRetVoid();
    return function;
  }

  /// So many of the highest tiles that no more than one or two rows remain alone: a tile of so few has not enough
  /// independent sums. 6 + 2 becomes 4 + 4, 6 + 1 becomes 4 + 3.
  Value* spare_tile(Value* left, int rows) {
    Value* tiles = builder_.CreateUDiv(left, constant(rows));
    Value* rest = builder_.CreateURem(left, constant(rows));
    Value* few = builder_.CreateICmpULE(builder_.CreateSub(rest, constant(1)), constant(1));
    Value* spare = builder_.CreateAnd(few, builder_.CreateICmpUGT(tiles, constant(0)));
    return builder_.CreateSub(tiles, builder_.CreateZExt(spare, index_));
  }

  /// Tiles of `rows` rows, one below the other.
  llvm::Function* emit_tiles(const Panel& panel, int rows) {
    llvm::IRBuilder<>::InsertPointGuard guard(builder_);
    Values args;
    llvm::Function* function = begin_panel_function(
        name_ + ".tile" + llvm::Twine(rows) + "x" + llvm::Twine(panel.vectors) + (panel.masked ? "m" : ""),
        args);
    Value* mask = panel.masked ? emit_lane_mask(builder_, lanes_, args[kColumns]) : nullptr;
    // The highest tile does nearly all the work, so it alone prefetches: each tile one vector of every row.
    bool highest = rows == panel.tile_rows[0] && !panel.masked;
    Values a_rows;
    for (int r = 0; r < rows; ++r) {
      Value* offset = builder_.CreateMul(args[kARow], constant(r));
      a_rows.push_back(panel.vectors == 1 ? opaque(offset) : offset);
    }
    Value* a_step = builder_.CreateMul(args[kARow], constant(rows));
    Value* c_step = builder_.CreateMul(args[kCRow], constant(rows));
    emit_loop(builder_, constant(0), args[kCount], constant(1), {args[kA], args[kC]},
              [&](Value* number, llvm::ArrayRef<Value*> tile) {
                Value* vector = builder_.CreateURem(number, constant(panel.vectors));
                Value* ahead = at(args[kAhead], builder_.CreateMul(vector, constant(lanes_)));
                emit_tile(args, tile[0], tile[1], a_rows, panel.vectors, mask, highest ? ahead : nullptr);
                return Values{at(tile[0], a_step), at(tile[1], c_step)};
              });
    builder_.CreateRetVoid();
    return function;
  }

  void emit_tile(const Values& args, Value* a, Value* c, const Values& a_rows, int vectors, Value* mask,
                 Value* ahead) {
    Values addresses;
    for (int r = 0; r < static_cast<int>(a_rows.size()); ++r) {
      Value* row = at(c, builder_.CreateMul(args[kCRow], constant(r)));
      for (int v = 0; v < vectors; ++v) addresses.push_back(at(row, v * lanes_));
    }
    auto present = [&] {
      Values loaded;
      for (Value* address : addresses) loaded.push_back(load(address, mask));
      return loaded;
    };
    auto zeros = [&] { return Values(addresses.size(), llvm::Constant::getNullValue(vector_)); };
    Values carried = emit_if(builder_, args[kFromC], present, zeros);
    carried.push_back(a);
    carried.push_back(args[kB]);
    if (ahead) carried.push_back(ahead);
    Value* begin = constant(0);
    for (int ks = a_rows.size() >= 3 ? 2 : 1; ks > 0; ks /= 2) {
      Value* end = builder_.CreateAnd(args[kK], constant(-ks));
      carried =
          emit_loop(builder_, begin, end, constant(ks), carried, [&](Value*, llvm::ArrayRef<Value*> now) {
            Values next(now);
            for (int i = 0; i < ks; ++i) next = emit_multiply(args, next, a_rows, vectors, mask);
            return next;
          });
      begin = end;
    }
    for (auto [value, address] : llvm::zip(carried, addresses)) store(value, address, mask);
  }

  /// One k. `now` is the accumulators, row by row, then the addresses of a's and b's first element of this k,
  /// and of what to prefetch, if anything.
  Values emit_multiply(const Values& args, const Values& now, const Values& a_rows, int vectors,
                       Value* mask) {
    std::size_t accumulators = a_rows.size() * vectors;
    Value *a = now[accumulators], *b = now[accumulators + 1];
    Values b_row, next;
    for (int v = 0; v < vectors; ++v) b_row.push_back(load(at(b, v * lanes_), mask));
    for (Value* row : a_rows) {
      Value* factor = builder_.CreateAlignedLoad(element_, at(a, row), align_);
      Value* splat = builder_.CreateVectorSplat(lanes_, factor);
      for (Value* b_vector : b_row) {
        Value* sum = now[next.size()];
        next.push_back(emit_multiply_add(splat, b_vector, sum));
      }
    }
    next.push_back(at(a, args[kAK]));
    next.push_back(at(b, args[kBK]));
    if (now.size() > next.size()) {
      Value* ahead = now.back();
      Value *read = builder_.getInt32(0), *second_cache = builder_.getInt32(2), *data = builder_.getInt32(1);
      builder_.CreateIntrinsic(llvm::Intrinsic::prefetch, {pointer_}, {ahead, read, second_cache, data});
      next.push_back(at(ahead, args[kAheadK]));
    }
    return next;
  }

  Value* emit_multiply_add(Value* x, Value* y, Value* sum) {
    if (!pairs_) return builder_.CreateIntrinsic(llvm::Intrinsic::fma, {vector_}, {x, y, sum});
    auto* type = llvm::FixedVectorType::get(builder_.getBFloatTy(), 2 * lanes_);
    return builder_.CreateIntrinsic(llvm::Intrinsic::x86_avx512bf16_dpbf16ps_512, {},
                                    {sum, builder_.CreateBitCast(x, type), builder_.CreateBitCast(y, type)});
  }

  /// Copies `k` rows of a panel, so that they lie one behind the other.
  void emit_pack(const Panel& panel, Value* from, Value* to, Value* k, Value* stride) {
    emit_loop(builder_, constant(0), k, constant(1), {from, to}, [&](Value*, llvm::ArrayRef<Value*> now) {
      for (int v = 0; v < panel.vectors; ++v)
        store(load(at(now[0], v * lanes_), nullptr), at(now[1], v * lanes_), nullptr);
      return Values{at(now[0], stride), at(now[1], panel.vectors * lanes_)};
    });
  }

  // A DotFunction's arguments.
  struct Call {
    Value *a, *b, *c, *m, *n, *k, *a_row, *a_k, *b_k, *c_row, *scratch, *accumulate;
  };

  void emit_driver(const Panel& panel, llvm::Function* wide, llvm::Function* narrow) {
    Values args;
    begin_function(builder_, module_, name_,
                   {pointer_, pointer_, pointer_, index_, index_, index_, index_, index_, index_, index_,
                    pointer_, index_},
                   llvm::Function::ExternalLinkage, args);
    const Call all = {args[0], args[1], args[2], args[3], args[4],  args[5],
                      args[6], args[7], args[8], args[9], args[10], args[11]};
    // Blocks of about one size: few rows left over would be slow.
    const auto parts = [&](Value* rows, Value* of) {
      Value* count = builder_.CreateUDiv(builder_.CreateAdd(rows, builder_.CreateSub(of, constant(1))), of);
      return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::umax, count, constant(1));
    };
    Value* size = parts(all.m, parts(all.m, constant(kDotRowBlock)));
    emit_loop(builder_, constant(0), all.m, size, [&](Value* row) {
      Call block = all;
      block.a = at(all.a, builder_.CreateMul(row, all.a_row));
      block.c = at(all.c, builder_.CreateMul(row, all.c_row));
      block.m = least(builder_.CreateSub(all.m, row), size);
      emit_rows(panel, wide, narrow, block);
    });
    builder_.CreateRetVoid();
  }

  // No more than kDotRowBlock rows.
  void emit_rows(const Panel& panel, llvm::Function* wide, llvm::Function* narrow, const Call& call) {
    const auto [a, b, c, m, n, k, a_row, a_k, b_k, c_row, scratch, accumulate] = call;
    Value* width = constant(panel.vectors * lanes_);
    Value* whole = builder_.CreateMul(builder_.CreateSDiv(n, width), width);
    Value* pack = builder_.CreateAnd(builder_.CreateICmpSGE(m, constant(kPackRows)),
                                     builder_.CreateICmpNE(b_k, width));  // it is packed then
    // Even without any k there is a block: it stores +0.
    Value* end = builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smax, k, constant(1));
    emit_loop(builder_, constant(0), end, constant(kBlock), [&](Value* first) {
      Value* size = least(builder_.CreateSub(k, first), constant(kBlock));
      Value* from_c = builder_.CreateOr(builder_.CreateICmpNE(accumulate, constant(0)),
                                        builder_.CreateICmpSGT(first, constant(0)));
      Value* a_block = at(a, builder_.CreateMul(first, a_k));
      Value* b_block = at(b, builder_.CreateMul(first, b_k));
      Value* following = builder_.CreateAdd(first, constant(kBlock));
      Value* b_next = builder_.CreateSelect(builder_.CreateICmpSLT(following, k),
                                            at(b, builder_.CreateMul(following, b_k)), b_block);
      emit_loop(builder_, constant(0), whole, width, [&](Value* column) {
        Value* plain = at(b_block, column);
        // To the right, or else the first panel of the next block, or else (for nothing) of this one.
        Value* right = builder_.CreateAdd(column, width);
        Value* ahead =
            builder_.CreateSelect(builder_.CreateICmpSLT(right, whole), at(b_block, right), b_next);
        Values read = emit_if(
            builder_, pack,
            [&] {
              emit_pack(panel, plain, scratch, size, b_k);
              return Values{scratch, width};
            },
            [&] { return Values{plain, b_k}; });
        builder_.CreateCall(wide, {a_block, read[0], at(c, column), m, size, a_row, a_k, read[1], c_row,
                                   width, from_c, ahead, b_k});
      });
      emit_loop(builder_, whole, n, constant(lanes_), [&](Value* column) {
        builder_.CreateCall(narrow, {a_block, at(b_block, column), at(c, column), m, size, a_row, a_k, b_k,
                                     c_row, builder_.CreateSub(n, column), from_c, b_block, constant(0)});
      });
    });
  }

  Value* least(Value* x, Value* y) { return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::smin, x, y); }

  llvm::Module& module_;
  llvm::IRBuilder<> builder_;
  const Target& target_;
  std::string name_;
  bool pairs_;
  int lanes_;
  llvm::Align align_;
  llvm::Type* element_;
  llvm::FixedVectorType* vector_;
  llvm::Type* pointer_;
  llvm::Type* index_;
};

}  // namespace

std::int64_t dot_scratch_size(const Target& target, runtime::ElementType type) {
  int lanes = target.lanes(static_cast<int>(runtime::element_size(type)));
  return kBlock * wide_panel(target).vectors * lanes;
}

std::int64_t dot_panel_bytes(const Target& target) {
  return static_cast<std::int64_t>(wide_panel(target).vectors) * target.vector_bytes;
}

void emit_dot_kernel(const CodeModule& code, const Target& target, runtime::ElementType type,
                     std::string_view name) {
  DotGenerator(code, target, type, name).emit();
}

}  // namespace rondo::codegen
