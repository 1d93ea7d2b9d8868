// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "rondo/csv.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "ir/error.h"
#include "runtime/text.h"

namespace rondo {

namespace {

constexpr int kEnd = -1;
constexpr std::size_t kBufferBytes = 1 << 16;
constexpr std::size_t kMostFields = 1 << 16;  // a field takes memory even if it is empty

std::string field_text(const CsvRow& row) { return "field " + std::to_string(row.fields.size() + 1); }

}  // namespace

CsvReader::CsvReader(const std::string& path, CsvOptions options)
    : name_(runtime::quoted(path)), options_(options), buffer_(kBufferBytes) {
  file_ = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file_ < 0) throw Error(name_ + ": can't open: " + std::strerror(errno));
  struct stat facts{};
  // A device may never end.
  if (fstat(file_, &facts) != 0 || (!S_ISREG(facts.st_mode) && !S_ISFIFO(facts.st_mode))) {
    close(file_);
    throw Error(name_ + ": it is neither a regular file nor a pipe");
  }
}

CsvReader::~CsvReader() { close(file_); }

void CsvReader::fail(std::int64_t line, const std::string& what) const {
  throw Error(name_ + ": line " + std::to_string(line) + ": " + what);
}

// A byte that was not taken yet, 0 or 1 or 2 ahead of the next one.
int CsvReader::peek(std::size_t ahead) {
  while (next_ + ahead >= end_) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(next_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= next_;
    next_ = 0;
    const ssize_t got = read(file_, buffer_.data() + end_, buffer_.size() - end_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(line_, std::string("can't read on: ") + std::strerror(errno));
    if (got == 0) return kEnd;
    end_ += static_cast<std::size_t>(got);
  }
  return static_cast<unsigned char>(buffer_[next_ + ahead]);
}

char CsvReader::take() {
  if (++row_bytes_ > options_.most_row_bytes)
    fail(row_line_, "the row takes more than " + std::to_string(options_.most_row_bytes) +
                        " bytes; is a quote not closed?");
  const char byte = buffer_[next_++];
  line_ += byte == '\n' ? 1 : 0;
  return byte;
}

bool CsvReader::take_if(char expected) {
  if (peek() != static_cast<unsigned char>(expected)) return false;
  take();
  return true;
}

bool CsvReader::at_line_end() {
  const int byte = peek();
  if (byte == kEnd || byte == '\n') return true;
  return byte == '\r' && (peek(1) == '\n' || peek(1) == kEnd);
}

void CsvReader::end_line() {
  take_if('\r');
  take_if('\n');
}

std::string CsvReader::read_quoted(CsvRow& row) {
  std::string field;
  const std::int64_t opened = line_;
  take();
  for (;;) {
    if (peek() == kEnd) fail(opened, "the quote that opens " + field_text(row) + " is not closed");
    const char byte = take();
    if (byte != '"')
      field += byte;
    else if (take_if('"'))
      field += '"';
    else
      break;
  }
  if (peek() != ',' && !at_line_end()) row.problem = "text follows the quote that closes " + field_text(row);
  return field;
}

std::string CsvReader::read_plain(CsvRow& row) {
  std::string field;
  while (peek() != ',' && !at_line_end()) {
    if (peek() == '"') {
      row.problem = "a quote stands inside " + field_text(row) +
                    ": put the field between quotes and double those inside";
      break;
    }
    field += take();
  }
  return field;
}

void CsvReader::read_fields(CsvRow& row) {
  do {
    if (row.fields.size() == kMostFields)
      row.problem = "there are more than " + std::to_string(kMostFields) + " fields";
    else
      row.fields.push_back(peek() == '"' ? read_quoted(row) : read_plain(row));
  } while (row.problem.empty() && take_if(','));
}

void CsvReader::check(CsvRow& row) {
  for (std::size_t i = 0; i < row.fields.size() && row.problem.empty(); ++i)
    if (const std::size_t at = runtime::first_invalid_utf8(row.fields[i]); at < row.fields[i].size())
      row.problem = "byte " + std::to_string(at + 1) + " of field " + std::to_string(i + 1) + " is not UTF-8";
  if (!row.problem.empty()) return;
  if (options_.columns == 0) {
    options_.columns = row.fields.size();
    first_row_ = row.line;
  }
  if (row.fields.size() != options_.columns)
    row.problem = "expected " + std::to_string(options_.columns) + " fields" +
                  (first_row_ > 0 ? ", as in line " + std::to_string(first_row_) : "") + ", found " +
                  std::to_string(row.fields.size());
}

std::optional<CsvRow> CsvReader::next() {
  if (line_ == 1 && peek(0) == 0xEF && peek(1) == 0xBB && peek(2) == 0xBF) next_ += 3;
  while (peek() != kEnd && at_line_end()) {
    row_bytes_ = 0;
    end_line();
  }
  if (peek() == kEnd) return std::nullopt;

  CsvRow row{line_, {}, ""};
  row_line_ = line_;
  row_bytes_ = 0;
  read_fields(row);
  while (!at_line_end()) take();  // of a row with a problem
  end_line();
  if (row.problem.empty()) check(row);
  if (!row.problem.empty()) row.fields.clear();
  return row;
}

}  // namespace rondo
