// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
// Texts that are nearly programs. Whatever they say, reading them gives one short message or a module that verifies,
// and what then goes wrong in a pass is a message too: nothing crashes, and no error is Rondo's own.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "ir/builder.h"
#include "ir/error.h"
#include "ir/parse.h"
#include "ir/print.h"
#include "ir/verify.h"
#include "passes/jvp.h"
#include "passes/passes.h"
#include "passes/pipeline.h"
#include "passes/vjp.h"
#include "tools/fuzz/checks.h"

namespace rondo::fuzz {

namespace {

constexpr int kTexts = 8;  // made of one program

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '%' || c == '@';
}

// Names, numbers and single other characters, spaces among them: joined they are the text.
std::vector<std::string> tokens_of(const std::string& text) {
  std::vector<std::string> tokens;
  for (size_t at = 0; at < text.size();) {
    size_t end = at + 1;
    while (is_name(text[at]) && end < text.size() && is_name(text[end])) ++end;
    tokens.push_back(text.substr(at, end - at));
    at = end;
  }
  return tokens;
}

void change_token(std::vector<std::string>& tokens, Random& random) {
  static const std::vector<std::string> extremes = {
      "0", "1", "2", "-1", "7", "2147483648", "9223372036854775807", "10000000000000000000", "1e999", "nan"};
  static const std::vector<std::string> bytes = {"%", "@", "(", ")", "[", "]",  "{",  "}",  ":",    ",",
                                                 "=", "+", "-", "*", "0", "\"", "\\", "\n", "\xff", "\x01"};
  const auto at = static_cast<size_t>(random.below(static_cast<int64_t>(tokens.size())));
  switch (random.below(6)) {
    case 0:
      tokens.erase(tokens.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 1:
      tokens.insert(tokens.begin() + static_cast<std::ptrdiff_t>(at), std::string(random.pick(tokens)));
      break;
    case 2:
      tokens[at] = std::string(random.pick(tokens));
      break;
    case 3:
      std::swap(tokens[at], tokens[static_cast<size_t>(random.below(static_cast<int64_t>(tokens.size())))]);
      break;
    case 4:
      tokens[at] = random.pick(random.chance(0.3) ? bytes : extremes);
      break;
    case 5: {  // another number, where one is
      const auto number =
          std::find_if(tokens.begin() + static_cast<std::ptrdiff_t>(at), tokens.end(),
                       [](const std::string& token) { return token[0] >= '0' && token[0] <= '9'; });
      if (number != tokens.end()) *number = random.pick(extremes);
      break;
    }
  }
}

std::string mangled(const std::vector<std::string>& program, Random& random) {
  std::vector<std::string> tokens = program;
  for (int64_t changes = random.between(1, 3); changes-- > 0 && !tokens.empty();)
    change_token(tokens, random);
  std::string text;
  for (const std::string& token : tokens) text += token;
  if (random.chance(0.05))
    text.resize(static_cast<size_t>(random.below(static_cast<int64_t>(text.size()) + 1)));
  return text;
}

// Calls `body`, which may throw Error if its message is one for users.
template <class Body>
std::string flaw_of(Body&& body) {
  try {
    body();
  } catch (const Error& error) {
    const std::string_view message = error.what();
    if (message.empty() || message.size() >= 2000)
      return "a message of " + std::to_string(message.size()) + " bytes";
    if (message.find_first_of(std::string_view("\n\0", 2)) != std::string_view::npos)
      return "a message of several lines";
  } catch (const std::exception& error) {
    return error.what();
  }
  return {};
}

// All that may be done to a function by the tools.
std::string flaw_of_passes(const ir::Function& function) {
  std::vector<std::span<const passes::Pass>> pipelines = {
      passes::optimisation_pipeline(), passes::loops_pipeline(), passes::lowering_pipeline()};
  for (const passes::Pass& pass : passes::all_passes()) pipelines.emplace_back(&pass, 1);
  for (const auto pipeline : pipelines) {
    std::string flaw = flaw_of([&] {
      const auto copy = ir::clone_function(function, function.name);
      for (const passes::Pass& pass : pipeline) {
        pass.run(*copy);
        ir::verify(*copy, "after " + pass.name);
      }
    });
    if (!flaw.empty()) return flaw;
  }
  std::string flaw = flaw_of([&] { ir::verify(*passes::vjp(function), "after vjp"); });
  return flaw.empty() ? flaw_of([&] { ir::verify(*passes::jvp(function), "after jvp"); }) : flaw;
}

}  // namespace

Verdict check_mangled(const ir::Function& function, Random& random) {
  const std::vector<std::string> tokens = tokens_of("rondo 0.1\n\n" + ir::print(function));
  for (int i = 0; i < kTexts; ++i) {
    const std::string text = mangled(tokens, random);
    ir::Module module;
    std::string flaw = flaw_of([&] {
      module = ir::parse(text, "mangled");
      ir::verify(module, "after parsing");
    });
    for (size_t f = 0; flaw.empty() && f < module.functions.size(); ++f) {
      const Verdict again = check_text(*module.functions[f]);
      flaw = again.kind == Verdict::kFail ? again.detail : flaw_of_passes(*module.functions[f]);
    }
    if (!flaw.empty()) return {Verdict::kFail, flaw + "\nof the text\n" + text};
  }
  return {};
}

}  // namespace rondo::fuzz
