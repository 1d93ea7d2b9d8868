// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "frontend/src/pytorch.h"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <utility>

#include "frontend/src/trace.h"

namespace rondo {

namespace {

// Why a parameter of this shape can't have this form; empty if it can.
std::string misfit(const PytorchForm& form, const std::vector<int64_t>& shape) {
  if (form.empty()) return "it needs a part that holds it";
  for (const auto& [part, transposed, rows] : form) {
    if (transposed && (shape.size() != 2 || rows))
      return "only a whole matrix can be transposed in '" + part + "'";
    if (!rows) continue;
    const bool first = &part == &form[0].name;
    const int64_t most = shape.empty() ? 0 : shape[0];
    const int64_t count = rows->first < 0 || rows->end <= rows->first ? 0 : rows->end - rows->first;
    if (count < 1 || count > most || (first && count < most))
      return "rows " + std::to_string(rows->first) + " to " + std::to_string(rows->end) + " of '" + part +
             "' can't hold " + (first ? "it" : "its first rows");
  }
  return "";
}

}  // namespace

void pytorch_form(const Tensor& parameter, const PytorchForm& form, Loc loc) {
  detail::Trace& trace = detail::Trace::current(loc);
  const std::string* name = trace.name_of(parameter);
  if (name == nullptr || !trace.variable(*name).trained)
    detail::fail(loc, "pytorch_form: the tensor is no parameter: make it by param(name, ..)");
  detail::Variable& variable = trace.variable(*name);
  std::vector<int64_t> shape;
  for (const Dim dim : variable.type.dims) shape.push_back(dim.constant());
  const std::string problem =
      variable.pytorch.empty() ? misfit(form, shape) : "its form is told a second time";
  if (!problem.empty())
    detail::fail(loc, "pytorch_form: '" + *name + "' is " + variable.type.text() + ": " + problem);
  variable.pytorch = form;
  for (PytorchPart& part : variable.pytorch) part.name = trace.full_name(part.name, loc);
}

namespace detail {

namespace {

// What a part takes of a tensor: rows first to end, and the type that the tensor has if no other part reaches
// further.
struct Piece {
  const std::string* parameter;
  Rows rows;
  runtime::ElementType type;
  std::vector<int64_t> shape;
};

Piece piece_of(const std::string& parameter, const PytorchPart& part, const Array& array) {
  std::vector<int64_t> shape = array.shape();
  if (part.transposed) std::swap(shape[0], shape[1]);
  if (part.rows) shape[0] = part.rows->end;
  const Rows rows = part.rows.value_or(Rows{0, shape.empty() ? 1 : shape[0]});
  return {&parameter, rows, array.type(), std::move(shape)};
}

// True if the pieces, sorted by their rows, stand one behind the other.
bool make_up_a_tensor(const std::vector<Piece>& pieces) {
  const auto same_rows = [](const Piece& a, const Piece& b) {
    return a.type == b.type && a.shape.size() == b.shape.size() &&
           std::equal(a.shape.begin() + 1, a.shape.end(), b.shape.begin() + 1);
  };
  for (size_t i = 1; i < pieces.size(); ++i)
    if (pieces[i - 1].shape.empty() || pieces[i].rows.first != pieces[i - 1].rows.end ||
        !same_rows(pieces[i - 1], pieces[i]))
      return false;
  return pieces[0].rows.first == 0;
}

[[noreturn]] void fail_to_make_up(const std::string& name, const std::vector<Piece>& pieces, Loc loc) {
  std::string text;
  for (const Piece& piece : pieces)
    text += std::string(text.empty() ? "" : ", ") + "rows " + std::to_string(piece.rows.first) + " to " +
            std::to_string(piece.rows.end) + " of " + type_text(piece.type, piece.shape) + " for '" +
            *piece.parameter + "'";
  fail(loc, "in PyTorch's layout '" + name + "' would have " + text +
                ": parts of one tensor follow each other without gap; if two layers get one name there, name "
                "one of them otherwise");
}

template <class T>
void transpose(const void* from, void* to, int64_t rows, int64_t columns) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      static_cast<T*>(to)[j * rows + i] = static_cast<const T*>(from)[i * columns + j];
}

void transpose(const Array& from, Array& to) {
  const int64_t rows = from.shape()[0], columns = from.shape()[1];
  switch (element_size(from.type())) {
    case 8:
      return transpose<uint64_t>(from.raw(), to.raw(), rows, columns);
    case 4:
      return transpose<uint32_t>(from.raw(), to.raw(), rows, columns);
    case 2:
      return transpose<uint16_t>(from.raw(), to.raw(), rows, columns);
    default:
      return transpose<uint8_t>(from.raw(), to.raw(), rows, columns);
  }
}

// The bytes of the part's rows in its tensor.
struct Bytes {
  size_t first, count;
};
Bytes bytes_of(const PytorchPart& part, const Array& tensor) {
  if (!part.rows) return {0, tensor.bytes()};
  const size_t row = tensor.bytes() / static_cast<size_t>(tensor.shape()[0]);
  return {static_cast<size_t>(part.rows->first) * row,
          static_cast<size_t>(part.rows->end - part.rows->first) * row};
}

void write_part(const PytorchPart& part, const Array& parameter, Array& tensor) {
  if (part.transposed) return transpose(parameter, tensor);
  const Bytes bytes = bytes_of(part, tensor);
  std::memcpy(static_cast<std::byte*>(tensor.raw()) + bytes.first, parameter.raw(), bytes.count);
}

// The part as the parameter has it: all of its elements or the first ones.
Array read_part(const PytorchPart& part, const Array& like, const Array& tensor) {
  Array read = Array::zeros(like.type(), like.shape());
  if (part.transposed) {
    transpose(tensor, read);
  } else {
    const Bytes bytes = bytes_of(part, tensor);
    std::memcpy(read.raw(), static_cast<const std::byte*>(tensor.raw()) + bytes.first, bytes.count);
  }
  return read;
}

void add(Array& sum, const Array& addend) {
  const auto add_as = [&]<class T>(std::span<T> to) {
    std::ranges::transform(to, std::as_const(addend).data<T>(), to.begin(), std::plus());
  };
  sum.type() == runtime::ElementType::f64 ? add_as(sum.data<double>()) : add_as(sum.data<float>());
}

}  // namespace

std::map<std::string, Array> to_pytorch(const std::map<std::string, PytorchForm>& forms,
                                        const std::map<std::string, Array>& arrays, Loc loc) {
  std::map<std::string, std::vector<Piece>> pieces;
  for (const auto& [name, form] : forms) {
    const Array& array = arrays.at(name);
    if (const std::string problem = misfit(form, array.shape()); !problem.empty())
      fail(loc, "'" + name + "' is " + type_text(array) + ", which is not what init made: " + problem);
    for (const PytorchPart& part : form) pieces[part.name].push_back(piece_of(name, part, array));
  }
  std::map<std::string, Array> tensors;
  for (auto& [name, list] : pieces) {
    std::ranges::stable_sort(list, {}, [](const Piece& piece) { return piece.rows.first; });
    if (!make_up_a_tensor(list)) fail_to_make_up(name, list, loc);
    tensors.emplace(name, Array::zeros(list.back().type, list.back().shape));
  }
  for (const auto& [name, form] : forms) write_part(form[0], arrays.at(name), tensors.at(form[0].name));
  return tensors;
}

std::map<std::string, Array> from_pytorch(const std::map<std::string, PytorchForm>& forms,
                                          const std::map<std::string, Array>& arrays,
                                          const std::map<std::string, Array>& tensors) {
  std::map<std::string, Array> parameters;
  for (const auto& [name, form] : forms) {
    const Array& like = arrays.at(name);
    Array sum = read_part(form[0], like, tensors.at(form[0].name));
    for (size_t i = 1; i < form.size(); ++i) add(sum, read_part(form[i], like, tensors.at(form[i].name)));
    parameters.emplace(name, std::move(sum));
  }
  return parameters;
}

}  // namespace detail
}  // namespace rondo
