// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#include "examples/classify/package_titles.h"

#include <doctest/doctest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "runtime/failure.h"
#include "tests/runtime/temporary_folder.h"

using namespace classify;
using rondo::runtime::Failure;

namespace {

std::string record(const std::string& package, const std::string& section, const std::string& description) {
  return "Package: " + package + "\nVersion: 1.0\nSection: " + section + "\nDescription: " + description +
         "\n and more about it\n .\n Package: not-a-field\n\n";
}

// "title/section" of all titles, sorted by title.
std::vector<std::string> titles_of(std::string_view text, std::size_t chunk = std::string::npos) {
  PackageTitles collector;
  for (std::size_t at = 0; at < text.size(); at += std::min(chunk, text.size()))
    collector.feed(text.substr(at, chunk));
  Titles titles = collector.finish();
  std::vector<std::string> out;
  for (auto* part : {&titles.train, &titles.test})
    for (auto& title : *part)
      out.push_back(title.text + "/" + std::string(kSections[static_cast<std::size_t>(title.label)]));
  std::ranges::sort(out);
  return out;
}

using List = std::vector<std::string>;

std::string failure_of(const std::optional<std::string>& path) {
  try {
    read_package_titles(path);
  } catch (const Failure& failure) {
    return failure.what();
  }
  return "";
}

}  // namespace

TEST_CASE("titles: first line of the description in lower case, last part of the section") {
  CHECK(titles_of(record("nethack", "universe/games", "Dungeon CRAWL, Ünusual")) ==
        List{"dungeon crawl, \xc3\x9cnusual/games"});
  CHECK(titles_of("Package: a\nSection: perl\nDescription-en:  Padded \nDescription-md5: 00\n") ==
        List{"padded/perl"});
  CHECK(titles_of("DESCRIPTION: x\nsection: java\npackage: a") == List{"x/java"});
}

TEST_CASE("titles: records that lack something, or stand elsewhere, are passed over") {
  CHECK(titles_of("").empty());
  CHECK(titles_of("Section: games\nDescription: x\n\n").empty());
  CHECK(titles_of("Package: a\nDescription: x\n\n").empty());
  CHECK(titles_of("Package: a\nSection: games\n\n").empty());
  CHECK(titles_of("Package: a\nSection: games\nDescription:  \n\n").empty());
  CHECK(titles_of(record("a", "libs", "x")).empty());
  CHECK(titles_of(record("a", "games/", "x")).empty());
  CHECK(titles_of(record("a", "game", "x") + record("b", "games2", "y") + record("c", "net", "z")) ==
        List{"z/net"});
  CHECK(titles_of("Package: a\nSection: games\n\nDescription: of another\n").empty());
}

TEST_CASE("titles: of equal titles the least package name decides, also for a section that is not kept") {
  CHECK(titles_of(record("b", "games", "Same") + record("a", "net", "same")) == List{"same/net"});
  CHECK(titles_of(record("a", "net", "same") + record("b", "games", "same")) == List{"same/net"});
  CHECK(titles_of(record("a", "libs", "same") + record("b", "games", "same")).empty());
}

TEST_CASE("titles: the text may come in pieces, with CRLF, without an end") {
  std::string text = record("a", "games", "first") + "\n\n" + record("b", "net", "second");
  const List both{"first/games", "second/net"};
  for (std::size_t chunk = 1; chunk < 50; ++chunk) CHECK(titles_of(text, chunk) == both);
  std::string crlf;
  for (char c : text) crlf += c == '\n' ? "\r\n" : std::string(1, c);
  CHECK(titles_of(crlf) == both);
  text.erase(text.find_last_not_of('\n') + 1);
  CHECK(titles_of(text) == both);
}

TEST_CASE("titles: any bytes are taken") {
  CHECK(titles_of(std::string("Package: a\nSection: net\nDescription: x\0y\xff\n", 43)) ==
        List{std::string("x\0y\xff/net", 8)});
  CHECK(titles_of(":\n::\nPackage\n: x\n \n\t\n").empty());

  // A line of 40 MB costs 64 KiB, and what follows is read.
  PackageTitles collector;
  collector.feed("Package: a\nSection: net\nDescription: ");
  for (int i = 0; i < 40; ++i) collector.feed(std::string(1 << 20, 'x'));
  collector.feed("\n\n" + record("b", "games", "next"));
  Titles titles = collector.finish();
  titles.train.insert(titles.train.end(), titles.test.begin(), titles.test.end());
  std::ranges::sort(titles.train, {}, &Title::text);
  REQUIRE(titles.train.size() == 2);
  CHECK(titles.train[0].text == "next");
  CHECK(titles.train[1].text.size() == 64 * 1024 - std::string("Description: ").size());
}

// The basis and the prime are those that the authors of the hash give, in decimal.
TEST_CASE("titles: the hash parts training from testing, each sorted by bytes") {
  PackageTitles collector;
  for (int i = 1999; i >= 0; --i) collector.feed(record("p", "net", "Title " + std::to_string(i)));
  Titles titles = collector.finish();
  CHECK(titles.train.size() + titles.test.size() == 2000);
  CHECK(titles.test.size() > 150);
  CHECK(titles.test.size() < 250);
  CHECK(std::ranges::is_sorted(titles.train, {}, &Title::text));
  CHECK(std::ranges::is_sorted(titles.test, {}, &Title::text));
  for (auto& title : titles.test) {
    std::uint64_t hash = 14695981039346656037u;
    for (unsigned char c : title.text) hash = (hash ^ c) * 1099511628211u;
    CHECK(hash % 10 == 0);
  }
}

TEST_CASE("titles: what can't be read is one message") {
  TemporaryFolder folder;
  CHECK(failure_of("/no/such") == "can't open '/no/such': No such file or directory");
  CHECK(failure_of("") == "can't open '': No such file or directory");
  CHECK(failure_of("/dev/zero") == "'/dev/zero' is not a file of package records");
  CHECK(failure_of(folder.path().string()).ends_with("is not a file of package records"));
  write_text(folder / "empty", "");
  CHECK(failure_of(folder / "empty") == "'" + (folder / "empty") + "' is empty");
  write_text(folder / "noise", "no records\nhere: either\n");
  CHECK(failure_of(folder / "noise") == "'" + (folder / "noise") +
                                            "' holds no record to train on: one has Package, Section and "
                                            "Description, and a section such as admin or fonts");
  write_text(folder / "good", record("a", "games", "a game"));
  CHECK(read_package_titles(folder / "good").train.size() == 1);
}

TEST_CASE("titles: apt-cache that is not there, fails, knows nothing, or works") {
  TemporaryFolder folder;
  const std::string path = getenv("PATH");
  auto run_with = [&](const std::string& script) {
    write_text(folder / "apt-cache", "#!/bin/sh\n" + script);
    chmod((folder / "apt-cache").c_str(), 0755);
    setenv("PATH", folder.path().c_str(), 1);
    std::string message = failure_of({});
    setenv("PATH", path.c_str(), 1);
    return message;
  };
  setenv("PATH", folder.path().c_str(), 1);
  CHECK(failure_of({}) == "can't run apt-cache: No such file or directory; give a file with --data");
  setenv("PATH", path.c_str(), 1);
  CHECK(run_with("echo oh >&2; exit 3\n") ==
        "'apt-cache dumpavail' failed; run it to see why, or give a file with --data");
  CHECK(run_with("kill -9 $$\n") ==
        "'apt-cache dumpavail' failed; run it to see why, or give a file with --data");
  CHECK(run_with("exit 0\n") ==
        "'apt-cache dumpavail' knows no packages; run 'apt-get update', or give a file with --data");
  CHECK(run_with("echo nothing\n").starts_with("the output of apt-cache holds no record to train on"));
  CHECK(run_with(
            "[ \"$1\" = dumpavail ] || exit 1\nprintf 'Package: a\\nSection: net\\nDescription: x\\n'\n") ==
        "");
}
