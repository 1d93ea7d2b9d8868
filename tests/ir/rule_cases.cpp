// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "tests/ir/rule_cases.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "ir/builder.h"

namespace rondo::ir {

namespace {

// The cases of a file, each at its own lines, so that positions are those of the file.
std::vector<TextCase> cases_in(const std::string& path) {
  std::ifstream file(path);
  std::vector<TextCase> cases = {{path, "", ""}};
  std::string line, lines_before;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line == "// ----") cases.push_back({path, lines_before, ""});
    cases.back().text += line + "\n";
    lines_before += "\n";
    const size_t mark = line.starts_with("//") ? line.find_first_not_of(' ', 2) : std::string::npos;
    if (mark == std::string::npos || line[mark] != '^') continue;
    cases.back().message = path + ":" + std::to_string(number - 1) + ":" + std::to_string(mark + 1) +
                           ": error: " + line.substr(mark + 2);
  }
  return cases;
}

// `func @f(%x: f32[B], %y: f32[T]) -> () { %z = add %x, %y return }`, on a line for the op.
TextCase elementwise_case(const OpRow& row, const std::vector<Type>& operands, const std::string& message) {
  std::string params, uses;
  for (size_t i = 0; i < operands.size(); ++i) {
    const std::string name = "%x" + std::to_string(i);
    params += ", " + name + ": " + operands[i].text();
    uses += (i > 0 ? ", " : "") + name;
  }
  std::string text = "func @f(%b: f32[B], %t: f32[T]" + params + ") -> () {\n  %z = " + row.name + " " + uses;
  for (const AttrSpec& attr : row.attrs) text += " " + attr.name + "(" + attr.words.at(0) + ")";
  return {"made", text + "\n  return\n}\n", "made:2:8: error: " + message};
}

}  // namespace

std::vector<TextCase> written_cases() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator("tests/ir/errors"))
    if (entry.path().extension() == ".rondo") files.push_back(entry.path().string());
  std::ranges::sort(files);
  std::vector<TextCase> cases;
  for (const std::string& file : files)
    for (TextCase& one : cases_in(file)) cases.push_back(std::move(one));
  return cases;
}

std::vector<TextCase> elementwise_cases() {
  const std::vector<Dim> b = {Dim("B")}, t = {Dim("T")};
  std::vector<TextCase> cases;
  for (const OpRow* row : all_rows()) {
    if (!row->is_elementwise() || row->declared_results) continue;  // convert, bitcast
    const ElementMath& math = row->math_by_word.empty() ? row->math : row->math_by_word.begin()->second;
    std::vector<DType> taken, refused;
    for (DType dtype : {f32, f64, bf16, i32, i64, i1}) (math.takes(dtype) ? taken : refused).push_back(dtype);
    const auto operands = [&](Type first, const Type& others) {
      std::vector<Type> types(row->operands.size(), others);
      if (math.first_is_condition) types[0] = others.with(i1);
      types[math.first_is_condition ? 1 : 0] = std::move(first);
      return types;
    };
    const Type x{taken.at(0), b}, y{taken.at(0), t};
    if (row->operands.size() > 1)
      cases.push_back(elementwise_case(*row, operands(x, y),
                                       row->name + "_c1: operands differ: " + x.text() + " and " + y.text()));
    for (DType dtype : refused)
      cases.push_back(elementwise_case(*row, operands(dtype[b], dtype[b]),
                                       row->name + "_c2: it does not take " + dtype[b].text()));
  }
  return cases;
}

const char* const kIntact = R"(
func @f(%x: f32[T,B], %h0: f32[B], %u: f32[B], %p: i1[]) -> (f32[B]) {
  %h, %k, %ys = scan T index(%t) over(%xt = %x) carry(%h = %h0, %k = %h0) use(%w = %u) {
    %h1 = tanh %xt
    yield carry(%h1, %h1) stack(%h1)
  }
  %y = fusion use(%a = %h, %b = %h) {
    %e = exp %a
    yield (%e)
  }
  %c = cond %p use(%a = %y) then { yield (%a) } else { yield (%a) }
  %w = while carry(%a = %c) use(%q = %p) test { yield (%q) } do { yield carry(%a) }
  %z = call use(%a = %w) body { yield (%a) } vjp(%b, %db) { yield (%db) }
  %r = rows dims([0],[0]) cut(%a = %z) use(%b = %z) {
    %e = exp %a
    yield (%e)
  }
  %j = job use(%a = %x, %b = %x) {
    %e = exp %a : f32[T,B]
    yield (%e)
  } : f32[T,B]
  return %r
}
)";

std::vector<MemoryCase> memory_cases() {
  const auto body = [](Module& m) -> Graph& { return m.functions[0]->body; };
  const auto scan = [body](Module& m) -> Op& { return *body(m).ops[0]; };
  const auto fusion = [body](Module& m) -> Op& { return *body(m).ops[1]; };
  const auto cond = [body](Module& m) -> Op& { return *body(m).ops[2]; };
  const auto loop = [body](Module& m) -> Op& { return *body(m).ops[3]; };
  const auto call = [body](Module& m) -> Op& { return *body(m).ops[4]; };
  const auto rows = [body](Module& m) -> Op& { return *body(m).ops[5]; };
  const auto job = [body](Module& m) -> Op& { return *body(m).ops[6]; };
  return {
      {"module_c1", [](Module& m) { m.functions.push_back(clone_function(*m.functions[0], "f")); }},
      {"func_c1", [](Module& m) { m.functions[0]->name = "a name"; }},
      {"func_c2", [](Module& m) { m.functions[0]->param_infos.pop_back(); }},
      {"func_c3", [body](Module& m) { body(m).param(0)->type.dims[0] = 2 * Dim("T"); }},
      {"func_c6", [](Module& m) { m.functions[0]->derived.push_back({"Q", Dim("T"), 0}); }},
      {"func_c6", [](Module& m) { m.functions[0]->derived.push_back({"Q", Dim("Z"), 2}); }},
      {"func_c6", [](Module& m) { m.functions[0]->derived.push_back({"Q", Dim("T"), Dim("Z") + 1}); }},
      {"func_c6", [](Module& m) { m.functions[0]->derived = {{"Q", Dim("T"), 2}, {"Q", Dim("T"), 3}}; }},
      {"func_c7",
       [](Module& m) {
         for (int i = 0; i <= 256; ++i)
           m.functions[0]->derived.push_back({"Q" + std::to_string(i), Dim("T"), 2});
       }},
      {"graph_c1", [body](Module& m) { std::swap(body(m).ops[0], body(m).ops[1]); }},
      {"graph_c1", [=](Module& m) { fusion(m).operands[0] = scan(m).regions[0]->param(1); }},
      {"graph_c1", [=](Module& m) { body(m).results[0] = scan(m).regions[0]->param(1); }},
      {"graph_c1", [=](Module& m) { scan(m).regions[0]->results[0] = body(m).param(1); }},
      {"graph_c4", [=](Module& m) { fusion(m).graph = scan(m).regions[0].get(); }},
      {"graph_c4", [=](Module& m) { fusion(m).regions[0]->owner = &scan(m); }},
      {"graph_c4", [=](Module& m) { scan(m).results[1]->index = 0; }},
      {"graph_c4", [body](Module& m) { body(m).param(1)->graph = nullptr; }},
      {"type_c1", [body](Module& m) { body(m).param(1)->type.dims.resize(33, Dim(1)); }},
      {"type_c2", [body](Module& m) { body(m).param(1)->type.dims[0] = Dim(-1); }},
      {"type_c3", [body](Module& m) { body(m).param(1)->type.dims[0] = int64_t{1} << 62; }},
      {"op_c1", [=](Module& m) { fusion(m).attrs.push_back(scan(m).attrs[0]); }},
      {"op_c1", [scan](Module& m) { scan(m).attrs.push_back(scan(m).attrs[0]); }},
      {"op_c1", [scan](Module& m) { scan(m).attrs[0].args.clear(); }},
      {"op_c1", [scan](Module& m) { scan(m).attrs[0].args[0] = std::string("T"); }},
      {"op_c2", [scan](Module& m) { scan(m).groups.pop_back(); }},
      {"op_c2", [scan](Module& m) { ++scan(m).groups[0]; }},
      {"op_c2", [scan](Module& m) { scan(m).regions.clear(); }},
      {"op_c3", [scan](Module& m) { scan(m).results[0]->type = f32[{Dim("T")}]; }},
      {"op_c3", [scan](Module& m) { scan(m).results.pop_back(); }},
      {"scan_c0", [scan](Module& m) { scan(m).attrs.clear(); }},
      {"scan_c1", [scan](Module& m) { scan(m).regions[0]->params.pop_back(); }},
      {"scan_c3", [scan](Module& m) { scan(m).regions[0]->results.clear(); }},
      {"scan_c4", [scan](Module& m) { scan(m).regions[0]->param(2)->type = f32[{}]; }},
      {"scan_c6", [scan](Module& m) { scan(m).regions[0]->param(4)->type = f32[{}]; }},
      {"fusion_c1", [fusion](Module& m) { fusion(m).regions[0]->params.pop_back(); }},
      {"cond_c2", [cond](Module& m) { cond(m).regions[1]->add_param(f32[{}]); }},
      {"cond_c3", [cond](Module& m) { cond(m).regions[1]->param(0)->type = f32[{}]; }},
      {"while_c1", [loop](Module& m) { loop(m).regions[0]->add_param(f32[{}]); }},
      {"while_c2", [loop](Module& m) { loop(m).regions[0]->param(1)->type = f32[{}]; }},
      {"call_c1", [call](Module& m) { call(m).regions[0]->add_param(f32[{}]); }},
      {"call_c2", [call](Module& m) { call(m).regions[0]->param(0)->type = f32[{}]; }},
      {"call_c4", [call](Module& m) { call(m).regions[1]->add_param(f32[{}]); }},
      {"rows_c1", [rows](Module& m) { rows(m).regions[0]->add_param(f32[{}]); }},
      {"rows_c2", [rows](Module& m) { rows(m).regions[0]->param(1)->type = f32[{}]; }},
      {"job_c1", [job](Module& m) { job(m).regions[0]->add_param(f32[{}]); }},
      {"job_c2", [job](Module& m) { job(m).regions[0]->param(1)->type = f32[{}]; }},
      {"fusion_c2", [fusion](Module& m) { fusion(m).regions[0]->param(1)->type = f32[{}]; }},
  };
}

std::string cited_rule(const std::string& message) {
  const std::string sign = ": error: ";
  const size_t first = message.find(sign);
  if (first == std::string::npos) return "";
  const std::string rest = message.substr(first + sign.size());
  const std::string word = rest.substr(0, rest.find(':'));
  return word.find("_c") != std::string::npos && word.find(' ') == std::string::npos ? word : "";
}

}  // namespace rondo::ir
