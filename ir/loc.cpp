// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "ir/loc.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

namespace rondo {

Loc Loc::in(std::string_view file, int line) {
  static std::mutex mutex;
  static auto& files = *new std::set<std::string, std::less<>>;  // a Loc may outlive any static
  std::lock_guard lock(mutex);
  auto found = files.find(file);
  if (found == files.end()) found = files.emplace(file).first;
  return Loc(found->c_str(), line);
}

Loc Loc::via(std::string_view pass) const {
  static std::mutex mutex;
  static auto& lists = *new std::map<std::pair<const Via*, std::string>, Via>;
  for (const Via* v = via_; v != nullptr; v = v->earlier)
    if (v->pass == pass) return *this;
  std::lock_guard lock(mutex);
  std::pair key{via_, std::string(pass)};
  auto [entry, fresh] = lists.try_emplace(key, Via{via_, key.second});
  Loc touched = *this;
  touched.via_ = &entry->second;
  return touched;
}

std::vector<std::string> Loc::passes() const {
  std::vector<std::string> names;
  for (const Via* v = via_; v != nullptr; v = v->earlier) names.push_back(v->pass);
  std::reverse(names.begin(), names.end());
  return names;
}

std::string Loc::text() const {
  if (!known()) return "unknown place";
  return std::string(file_) + ":" + std::to_string(line_);
}

}  // namespace rondo
