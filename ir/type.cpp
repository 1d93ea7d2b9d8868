// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/type.h"

#include <array>
#include <utility>

#include "ir/error.h"
#include "ir/text.h"

namespace rondo {

namespace {
constexpr std::array<std::string_view, DType::kCount> kNames = {"f32", "f64", "bf16", "i32", "i64", "i1"};
}

std::string_view DType::text() const { return kNames[id_]; }

std::optional<DType> DType::parse(std::string_view text) {
  for (int i = 0; i < kCount; ++i)
    if (kNames[i] == text) return DType(static_cast<Id>(i));
  return std::nullopt;
}

Type DType::operator[](std::vector<Dim> dims) const { return Type{*this, std::move(dims)}; }

std::string Type::text() const {
  std::string out(dtype.text());
  out += "[";
  for (size_t i = 0; i < dims.size(); ++i) out += (i > 0 ? "," : "") + dims[i].text();
  return out + "]";
}

std::string Type::flaw() const {
  if (rank() > kMaxRank) return text() + " has more than " + std::to_string(kMaxRank) + " dims";
  for (Dim dim : dims)
    if (dim.is_constant() && dim.constant() < 0) return text() + " has the negative dim " + dim.text();
  try {
    bytes();
  } catch (const Error& error) {
    return ir::excerpt(text()) + " has too many elements: " + error.what();
  }
  return "";
}

}  // namespace rondo
