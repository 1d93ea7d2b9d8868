// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include <sys/stat.h>

#include <thread>

#include "tests/frontend/helpers.h"
#include "tests/runtime/temporary_folder.h"

using namespace rondo;
using namespace rondo::testing;

namespace {

// One text a row: "line: field|field", or "line! problem"; then the Error that ended it, if one did.
std::vector<std::string> rows_of_file(const std::string& path, CsvOptions options = {}) {
  std::vector<std::string> rows;
  try {
    CsvReader reader(path, options);
    while (const auto row = reader.next()) {
      std::string text = std::to_string(row->line) + (row->problem.empty() ? ": " : "! " + row->problem);
      for (size_t i = 0; i < row->fields.size(); ++i) text += (i > 0 ? "|" : "") + row->fields[i];
      rows.push_back(text);
    }
  } catch (const Error& error) {
    rows.emplace_back(error.what());
  }
  return rows;
}

std::vector<std::string> rows_of(const std::string& text, CsvOptions options = {}) {
  const TemporaryFolder folder;
  write_text(folder / "data.csv", text);
  std::vector<std::string> rows = rows_of_file(folder / "data.csv", options);
  const std::string name = "'" + (folder / "data.csv") + "'";
  for (std::string& row : rows)
    if (row.starts_with(name)) row = "FILE" + row.substr(name.size());
  return rows;
}

using List = std::vector<std::string>;

}  // namespace

TEST_CASE("csv: fields, plain and between quotes") {
  CHECK(rows_of("3,\"Wall St. Bears\",\"a, b\"\n4,\"say \"\"no\"\"\",\"\"\"\"\n") ==
        List{"1: 3|Wall St. Bears|a, b", "2: 4|say \"no\"|\""});
  CHECK(rows_of("a, b ,\"c\"\n") == List{"1: a| b |c"});
  CHECK(rows_of("dwindling\\band,\"\\\",#36;1'\n") == List{"1: dwindling\\band|\\|#36;1'"});
  CHECK(rows_of(",,\n\"\",,\"\"\n") == List{"1: ||", "2: ||"});
  CHECK(rows_of("\"\"\n") == List{"1: "});
  CHECK(rows_of(std::string("a\0b,\"\0\"\n", 8)) == List{std::string("1: a\0b|\0", 8)});
}

TEST_CASE("csv: lines end with LF or CRLF, the last one as it likes; empty ones are passed over") {
  CHECK(rows_of("") == List{});
  CHECK(rows_of("\n\r\n\n") == List{});
  CHECK(rows_of("a,b\r\nc,d\r\n") == List{"1: a|b", "2: c|d"});
  CHECK(rows_of("a,b\nc,d") == List{"1: a|b", "2: c|d"});
  CHECK(rows_of("a,b\nc,\"d\"") == List{"1: a|b", "2: c|d"});
  CHECK(rows_of("a,b\nc,") == List{"1: a|b", "2: c|"});
  CHECK(rows_of("a,\"b\"\r\nc,d\r") == List{"1: a|b", "2: c|d"});
  CHECK(rows_of("\n\na,b\n\r\n\nc,d\n\n") == List{"3: a|b", "6: c|d"});
  CHECK(rows_of("a\rb,c\r\r\n") == List{"1: a\rb|c\r"});
  CHECK(rows_of("\xEF\xBB\xBF"
                "a,b\nc,d\n") == List{"1: a|b", "2: c|d"});
  CHECK(rows_of("\xEF\xBB\xBF"
                "\"a\",b\n") == List{"1: a|b"});
  CHECK(rows_of("\xEF\xBB\xBF") == List{});
}

TEST_CASE("csv: a quoted field may hold lines, which count") {
  CHECK(rows_of("a,\"x\ny\r\n\nz\"\nb,c\n") == List{"1: a|x\ny\r\n\nz", "5: b|c"});
}

TEST_CASE("csv: a bad row tells what is wrong, and the next is read") {
  CHECK(rows_of("a,b\n1,\"2\"3\n4,5\n") ==
        List{"1: a|b", "2! text follows the quote that closes field 2", "3: 4|5"});
  CHECK(rows_of("a,b\n1, \"2\"\n4,5\"\n6,7\n") ==
        List{"1: a|b",
             "2! a quote stands inside field 2: put the field between quotes and double those inside",
             "3! a quote stands inside field 2: put the field between quotes and double those inside",
             "4: 6|7"});
  CHECK(rows_of("a,b\nc\nd,e,f\n\n,\n") == List{"1: a|b", "2! expected 2 fields, as in line 1, found 1",
                                                "3! expected 2 fields, as in line 1, found 3", "5: |"});
  CHECK(rows_of("a,b\n1,2,3\n", {.columns = 3}) == List{"1! expected 3 fields, found 2", "2: 1|2|3"});
  CHECK(rows_of("a\"\nb\nc,d\n") ==
        List{"1! a quote stands inside field 1: put the field between quotes and double those inside", "2: b",
             "3! expected 1 fields, as in line 2, found 2"});
  // A quote that should not be there swallows what it opens, until it meets another.
  CHECK(rows_of("a,\"b\nc,\"d\"\ne,f\n") == List{"1! text follows the quote that closes field 2", "3: e|f"});
}

TEST_CASE("csv: what is not UTF-8 is a bad row") {
  CHECK(rows_of("a,\xC3\xBC\nb,x\xFC\nc,d\n") ==
        List{"1: a|\xC3\xBC", "2! byte 2 of field 2 is not UTF-8", "3: c|d"});
  CHECK(rows_of("\xC0\x80\n\xED\xA0\x80\n") ==
        List{"1! byte 1 of field 1 is not UTF-8", "2! byte 1 of field 1 is not UTF-8"});
  CHECK(rows_of(std::string("\xFF\xFE"
                            "a\0,\0b\0\n\0",
                            10))[0] == "1! byte 1 of field 1 is not UTF-8");
}

TEST_CASE("csv: what can't be read on is an error with its line") {
  CHECK(rows_of("a,b\n\nc,\"d\ne,f\n") ==
        List{"1: a|b", "FILE: line 3: the quote that opens field 2 is not closed"});
  CHECK(rows_of("\"") == List{"FILE: line 1: the quote that opens field 1 is not closed"});
  CHECK(rows_of("\"a\"\"") == List{"FILE: line 1: the quote that opens field 1 is not closed"});
}

TEST_CASE("csv: a row takes what it may, and no more") {
  const CsvOptions small = {.most_row_bytes = 8};
  CHECK(rows_of("1234,67\n1,\"4567\"\n", small) ==
        List{"1: 1234|67", "FILE: line 2: the row takes more than 8 bytes; is a quote not closed?"});
  CHECK(rows_of("\n\n\n\n\n\n\n\n\n1,2", small) == List{"10: 1|2"});
  CHECK(rows_of("1\"345678\n", small) ==
        List{"FILE: line 1: the row takes more than 8 bytes; is a quote not closed?"});
  CHECK(rows_of("\"\n\n\n\n\n\n\n\n\"", small) ==
        List{"FILE: line 1: the row takes more than 8 bytes; is a quote not closed?"});
  CHECK(rows_of(std::string(200000, ',') + "\na\n") == List{"1! there are more than 65536 fields", "2: a"});
}

TEST_CASE("csv: rows go over the ends of what is read at once") {
  std::string text;
  List expected;
  int64_t line = 1;
  for (int i = 0; i < 4000; ++i) {
    const std::string x(static_cast<size_t>(i * 37 % 101), 'x');
    text += std::to_string(i) + ",\"" + x + "\"\"\r\n\"\r\n";
    expected.push_back(std::to_string(line) + ": " + std::to_string(i) + "|" + x + "\"\r\n");
    line += 2;
  }
  REQUIRE(text.size() > 3 * 65536);
  CHECK(rows_of(text) == expected);
  const std::string wide(300000, 'w');
  CHECK(rows_of("a," + wide + "\r\n\"" + wide + "\",b") == List{"1: a|" + wide, "2: " + wide + "|b"});
}

TEST_CASE("csv: files that are none, and pipes") {
  const TemporaryFolder folder;
  CHECK(rows_of_file("/no/such") == List{"'/no/such': can't open: No such file or directory"});
  CHECK(rows_of_file("/dev/zero") == List{"'/dev/zero': it is neither a regular file nor a pipe"});
  CHECK(rows_of_file(folder.path().string())[0].ends_with("it is neither a regular file nor a pipe"));
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  std::thread writer([&] { write_text(folder / "pipe", "a,b\nc,d\n"); });
  CHECK(rows_of_file(folder / "pipe") == List{"1: a|b", "2: c|d"});
  writer.join();
}
