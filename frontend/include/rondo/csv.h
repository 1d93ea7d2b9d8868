// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace rondo {

struct CsvRow {
  std::int64_t line = 0;  // where it begins, counted from 1
  std::vector<std::string> fields;
  std::string problem;  // what is wrong with the row, which then has no fields; else empty
};

struct CsvOptions {
  std::size_t columns = 0;                            // 0: as many as the first good row has
  std::size_t most_row_bytes = std::size_t{1} << 30;  // what a row may take
};

/// Reads comma-separated values row by row (RFC 4180, in UTF-8). A field that holds a comma, a quote or a line
/// break stands between quotes, a quote in it is doubled. Lines end with LF or CRLF, the last one may lack that;
/// empty lines and a byte order mark are passed over. A row that breaks the rules ends with its line and tells
/// its problem, so that the caller may skip it or fail.
class CsvReader {
 public:
  /// Throws Error if the file can't be opened or is neither a regular file nor a pipe.
  explicit CsvReader(const std::string& path, CsvOptions options = {});
  ~CsvReader();
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  /// The next row; nothing at the end. Throws Error with the file's name and the line where the rest can't be
  /// read: the disk fails, a quote is not closed before the end, or a row takes more bytes than it may.
  std::optional<CsvRow> next();

 private:
  int peek(std::size_t ahead = 0);
  char take();
  bool take_if(char expected);
  bool at_line_end();
  void end_line();
  void read_fields(CsvRow& row);
  std::string read_quoted(CsvRow& row);
  std::string read_plain(CsvRow& row);
  void check(CsvRow& row);
  [[noreturn]] void fail(std::int64_t line, const std::string& what) const;

  std::string name_;
  CsvOptions options_;
  int file_ = -1;
  std::vector<char> buffer_;
  std::size_t next_ = 0, end_ = 0;  // what of the buffer was not taken yet
  std::int64_t line_ = 1;
  std::int64_t first_row_ = 0;  // the line that told the number of columns; 0: none did
  std::int64_t row_line_ = 0;   // where the row being read began
  std::size_t row_bytes_ = 0;   // taken of it
};

}  // namespace rondo
