// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/csv_titles.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "tests/runtime/temporary_folder.h"

using namespace classify;

namespace {

using List = std::vector<std::string>;

struct Found {
  List titles, labels, notes;  // titles as "text/label", sorted
  std::string error;
};

Found read(const std::string& text) {
  const TemporaryFolder folder;
  const std::string path = folder / "news.csv", name = "'" + path + "'";
  write_text(path, text);
  const auto without_name = [&](std::string message) {
    if (message.starts_with(name)) message.replace(0, name.size(), "FILE");
    return message;
  };
  Found found;
  try {
    Titles titles =
        read_csv_titles(path, [&](const std::string& note) { found.notes.push_back(without_name(note)); });
    found.labels = titles.labels;
    titles.train.insert(titles.train.end(), titles.test.begin(), titles.test.end());
    for (const Title& title : titles.train)
      found.titles.push_back(title.text + "/" + titles.labels[static_cast<std::size_t>(title.label)]);
    std::ranges::sort(found.titles);
  } catch (const std::exception& error) {
    found.error = without_name(error.what());
  }
  return found;
}

}  // namespace

TEST_CASE("csv titles: label first, then columns that are joined, in lower case") {
  const Found found = read(
      "3,\"Wall St. \"\"Bears\"\", again\",\"Short-sellers,\r\nseeing green\"\r\n\"Sci/Tech\", A  "
      ",\xC3\x9C\x62"
      "er\n3,,only the last\n10,x,\n");
  CHECK(found.labels == List{"10", "3", "Sci/Tech"});
  CHECK(found.titles == List{"a   \xC3\x9C\x62"
                             "er/Sci/Tech",
                             "only the last/3", "wall st. \"bears\", again short-sellers,  seeing green/3",
                             "x/10"});
  CHECK(found.notes.empty());
  CHECK(read("pos,good\nneg,bad\n").titles == List{"bad/neg", "good/pos"});
}

TEST_CASE("csv titles: a heading is none") {
  for (const std::string heading : {"Class Index,Title,Description", "class,a,b", "\xEF\xBB\xBF\"Label\",,"})
    CHECK(read(heading + "\n1,a,b\n2,c,d\n").titles == List{"a b/1", "c d/2"});
  CHECK(read("1,a\nclass,b\n").titles == List{"a/1", "b/class"});
}

TEST_CASE("csv titles: of equal texts the first counts") {
  const Found found = read("2,Same,text\n1,same,TEXT\n3,same text,\n2,other,\n4,other,\n1,third,\n");
  CHECK(found.titles == List{"other/2", "same text/2", "third/1"});
  CHECK(found.labels == List{"1", "2"});
}

TEST_CASE("csv titles: rows that are bad are left out, and told") {
  const Found found = read("1,a,b\n2,c\n ,c,d\n2, ,\"\n\"\n\"x\ny\",c,d\n2,\xFF,d\n2,c,d\"\n2,c,d\n");
  CHECK(found.titles == List{"a b/1", "c d/2"});
  CHECK(found.notes == List{"FILE: line 2: expected 3 fields, as in line 1, found 2; the row is left out",
                            "FILE: line 3: the label is empty; the row is left out",
                            "FILE: line 4: there is no text; the row is left out",
                            "FILE: line 6: the label holds a control character; the row is left out",
                            "FILE: line 8: byte 1 of field 2 is not UTF-8; the row is left out",
                            "FILE: 6 rows are left out in all"});
}

TEST_CASE("csv titles: what can't be learned from is one message") {
  const std::string rest = ", expected 2 to 1000: a row has its label, then one or more columns of text";
  CHECK(read("").error == "FILE has 0 labels" + rest);
  CHECK(read("1,a\n1,b\n").error == "FILE has 1 labels" + rest);
  CHECK(read("1\n2\n").error == "FILE has 0 labels" + rest);
  CHECK(read("1\n2\n").notes[1] ==
        "FILE: line 2: expected a label and a text, found one field; the row is left out");
  std::string many;
  for (int i = 0; i < 1001; ++i) many += "label" + std::to_string(i) + ",text " + std::to_string(i) + "\n";
  CHECK(read(many).error == "FILE has 1001 labels" + rest);
  CHECK(read("1,a\n2,\"b\n").error == "FILE: line 2: the quote that opens field 2 is not closed");
  CHECK_THROWS_WITH(read_csv_titles("/no/such", {}), "'/no/such': can't open: No such file or directory");

  // Texts of which each falls to testing.
  std::string tests;
  for (int i = 0, found = 0; found < 2; ++i) {
    const std::string text = "title " + std::to_string(i);
    if (!Titles({}, {{text, 0}}).test.empty()) tests += std::to_string(++found) + "," + text + "\n";
  }
  CHECK(read(tests).error == "FILE gives no title to train on: all 2 fall to testing");
}
