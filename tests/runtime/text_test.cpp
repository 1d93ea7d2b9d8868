// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "runtime/text.h"

#include <doctest/doctest.h>

using namespace rondo::runtime;

TEST_CASE("text: names are quoted so that no byte of them acts on a terminal") {
  CHECK(quoted("layer.W") == "'layer.W'");
  CHECK(quoted("") == "''");
  CHECK(quoted("\x1b[31m") == "'\\x1b[31m'");
  CHECK(quoted("it's") == "'it\\x27s'");
  CHECK(quoted("a\\b\n\x7f\xc3\xa9") == "'a\\x5cb\\x0a\\x7f\\xc3\\xa9'");
  CHECK(quoted(std::string_view("\0", 1)) == "'\\x00'");
  CHECK(quoted(std::string(80, 'x')) == "'" + std::string(80, 'x') + "'");
  CHECK(quoted(std::string(1000, 'x')) == "'" + std::string(80, 'x') + "...'");
}

TEST_CASE("text: what is printed as lines keeps letters and newlines, and no other control character") {
  CHECK(printable("") == "");
  CHECK(printable("two\nlines, it's \\") == "two\nlines, it's \\");
  CHECK(printable("\xc3\xbc\xe2\x82\xac\xf0\x9f\x8e\xb5") == "\xc3\xbc\xe2\x82\xac\xf0\x9f\x8e\xb5");
  CHECK(printable("\x1b[31m\r\t\x7f") == "\\x1b[31m\\x0d\\x09\\x7f");
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
  CHECK(printable("\xc2\x9b"
                  "31m\xc2\xa0") ==
        "\\xc2\\x9b"
        "31m\xc2\xa0");
  CHECK(printable("\xff\xc3(") == "\\xff\\xc3(");
}

TEST_CASE("text: well-formed UTF-8 at the limits of each length") {
  for (const char* good :
       {"", "a", "\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf", "x\xc3\xa9y"})
    CHECK(first_invalid_utf8(good) == std::string_view(good).size());
}

TEST_CASE("text: ill-formed UTF-8 is found at its first byte") {
  for (const char* bad : {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x", "\xe0\x9f\xbf", "\xe1\x80",
                          "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf1\x80\x80",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xfe"}) {
    CHECK(first_invalid_utf8(bad) == 0);
    CHECK(first_invalid_utf8("ok\xc3\xa9" + std::string(bad)) == 4);
  }
}
