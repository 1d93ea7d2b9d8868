// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace rondo::runtime {

/// Replaces the file `path` by the chunks written one after another, so that whoever opens it, after a crash
/// or a power cut too, finds the old content or the new, never a mixture: a temporary file beside it is
/// written and synced, renamed over it, and the directory synced. On Failure, which carries the system's
/// reason, the old file is as it was and no temporary file is left; only when syncing the directory fails is
/// the new content already in place. A symbolic link is itself replaced; what is neither a file nor a link (a
/// directory, a device) is refused.
void replace_file(const std::string& path, std::span<const std::span<const std::byte>> chunks);

}  // namespace rondo::runtime
