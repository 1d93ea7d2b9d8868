// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <memory>
#include <string>

#include "ir/builder.h"

namespace rondo::ir {

/// A scan under construction, whose lists grow while its body is written.
class ScanBuilder {
 public:
  ScanBuilder(Function& function, Loc loc)
      : body_(std::make_unique<Graph>(&function)), builder_(*body_, loc) {
    index_ = body_->add_param(i32[{}], "t");
  }

  /// Writes the body.
  Builder& b() { return builder_; }
  /// Parameters of the body: the index, and what it reads of a new operand.
  Value* index() { return index_; }
  Value* over(Value* operand, std::string name);
  Value* carry(Value* operand, std::string name) {
    return bind(carry_, operand, operand->type, std::move(name));
  }
  Value* use(Value* operand, std::string name) { return bind(use_, operand, operand->type, std::move(name)); }
  /// To be called once. A value to be yielded for each carry, then those that are stacked.
  Op* emit(Builder& outer, Dim length, bool reverse, const Values& carries, const Values& stacks);

 private:
  // A list: operands, and the body's parameters bound to them.
  struct Binds {
    Values operands, params;
  };
  Value* bind(Binds& binds, Value* operand, Type type, std::string name);

  std::unique_ptr<Graph> body_;
  Builder builder_;
  Value* index_;
  Binds over_, carry_, use_;
};

}  // namespace rondo::ir
