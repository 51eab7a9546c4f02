#include "watch/import_pickle.h"

#include "base/random.h"
#include "support/temp_directory.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::string_literals;
using Kind = PlainValue::Kind;

constexpr std::string_view kSource = "dump_3";

// A value as Python's repr() spells it, sets and dicts in the pickle's order.
std::string spell(const PlainTree& tree, const PlainValue& value) {
  switch (value.kind) {
    case Kind::kNone: return "None";
    case Kind::kBool: return value.number != 0 ? "True" : "False";
    case Kind::kInt: return fmt::format("{}", value.number);
    case Kind::kFloat: return fmt::format("{}", value.real);
    case Kind::kText: return fmt::format("'{}'", value.text);
    case Kind::kBytes: return fmt::format("b'{}'", value.text);
    default: break;
  }
  std::string text;
  const bool is_dict = value.kind == Kind::kDict;
  for (std::size_t i = 0; i < value.items.size(); ++i) {
    if (i > 0) text += is_dict && i % 2 == 1 ? ": " : ", ";
    text += spell(tree, tree[value.items[i]]);
  }
  switch (value.kind) {
    case Kind::kTuple: return "(" + text + (value.items.size() == 1 ? ",)" : ")");
    case Kind::kList: return "[" + text + "]";
    default: return "{" + text + "}";
  }
}

std::string read(std::string_view pickle) {
  const Result<PlainTree> tree = read_pickle(pickle, kSource);
  if (!tree) return tree.error().message;
  return spell(*tree, tree->root());
}

std::string error_of(std::string_view pickle) {
  const Result<PlainTree> tree = read_pickle(pickle, kSource);
  EXPECT_FALSE(tree);
  if (tree) return spell(*tree, tree->root());
  EXPECT_EQ(tree.error().code, ErrorCode::kCorrupt);
  EXPECT_THAT(tree.error().message, StartsWith("dump_3: byte "));
  return tree.error().message;
}

std::string content_of(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(ImportPickleTest, ReadsWhatPythonWritesInEveryProtocol) {
  const TempDirectory folder;
  const std::filesystem::path script = folder.path() / "write.py";
  std::ofstream{script} << R"py(import pickle, sys
shared = {"name": "run", "line": 7}
value = [None, True, False, 0, 1, 255, 256, 65535, 65536, -1, -2**31, 2**31, 2**40, 2**63 - 1]
value += [-2**63, 0.5, -1.25, 1e300, "", "caf\u00e9 \U0001f40d \\u0041 \n end", "long " * 60]
value += [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4), [], [7], [[1], [2, [3]]]]
value += [{}, {"a": 1}, {"a": shared, "b": shared, 3: (4, "c")}]
value += [list(range(1500)), {"k%d" % i: i for i in range(1500)}]
for protocol in range(6):
    extra = [b"bytes"] if protocol >= 3 else []
    extra += [{5}, frozenset([6]), set()] if protocol >= 4 else []
    extra += [bytearray(b"more")] if protocol >= 5 else []
    with open("%s/pickle_%d" % (sys.argv[1], protocol), "wb") as file:
        pickle.dump(value + extra, file, protocol)
def spell(value):
    if isinstance(value, str): return "'%s'" % value
    if isinstance(value, list): return "[" + ", ".join(map(spell, value)) + "]"
    if isinstance(value, tuple):
        return "(" + ", ".join(map(spell, value)) + (",)" if len(value) == 1 else ")")
    if isinstance(value, dict):
        return "{" + ", ".join("%s: %s" % (spell(k), spell(v)) for k, v in value.items()) + "}"
    return repr(value)
with open(sys.argv[1] + "/spelled", "wb") as file: file.write(spell(value).encode())
)py";
  const std::string command =
      fmt::format("/usr/bin/python3 {} {}", script.string(), folder.path().string());
  ASSERT_EQ(std::system(command.c_str()), 0);
  std::string spelled = content_of(folder.path() / "spelled");
  ASSERT_FALSE(spelled.empty());
  spelled.pop_back();  // the bracket, before which the extras go
  const std::vector<std::string> extras = {
      "", "", "", ", b'bytes'", ", b'bytes', {5}, {6}, {}", ", b'bytes', {5}, {6}, {}, b'more'"};
  for (std::size_t protocol = 0; protocol < extras.size(); ++protocol) {
    SCOPED_TRACE(protocol);
    const std::string pickle = content_of(folder.path() / fmt::format("pickle_{}", protocol));
    ASSERT_FALSE(pickle.empty());
    EXPECT_EQ(read(pickle), spelled + extras[protocol] + "]");
  }
}

TEST(ImportPickleTest, OldTextIsReadWhereItIsText) {
  EXPECT_EQ(read("S'a\\n\\x41'\np0\n."), "'a\nA'");
  EXPECT_EQ(read("U\x02hi."), "'hi'");
  EXPECT_EQ(read("T\x01\0\0\0\xff."s), "b'\xff'");
  EXPECT_THAT(error_of("S'a\n."), HasSubstr("byte 0: STRING: text with a broken escape"));
  EXPECT_THAT(error_of("V\\u12\n."), HasSubstr("broken escape"));
}

TEST(ImportPickleTest, SharedValuesAreThereOnce) {
  const Result<PlainTree> tree = read_pickle(
      "\x80\x02](}q\x00h\x00h\x00"
      "e."s,
      kSource);
  ASSERT_TRUE(tree) << tree.error().message;
  EXPECT_EQ(tree->size(), 2U);
  EXPECT_EQ(tree->root().items, (std::vector<std::uint32_t>{1, 1, 1}));
}

TEST(ImportPickleTest, OfTwoEqualKeysTheLastCounts) {
  const Result<PlainTree> tree = read_pickle("}(X\1\0\0\0aK\1X\1\0\0\0aK\2u."s, kSource);
  ASSERT_TRUE(tree) << tree.error().message;
  const PlainValue* value = tree->find(tree->root(), "a");
  ASSERT_NE(value, nullptr);
  EXPECT_EQ(value->number, 2);
  EXPECT_EQ(tree->find(tree->root(), "b"), nullptr);
  EXPECT_EQ(tree->find(*value, "a"), nullptr);
}

TEST(ImportPickleTest, WhatCouldRunCodeIsRefusedByName) {
  const struct {
    std::string pickle;
    std::string where;
  } cases[] = {{"\x80\x02"
                "cos\nsystem\n(X\x02\0\0\0idtR."s,
                "byte 2: GLOBAL"},
               {"\x80\x04\x8c\x02os\x8c\x06system\x93."s, "byte 14: STACK_GLOBAL"},
               {"(ios\nsystem\n."s, "byte 1: INST"},
               {"(K\1o."s, "byte 3: OBJ"},
               {"K\1)R."s, "byte 3: REDUCE"},
               {"K\1)\x81."s, "byte 3: NEWOBJ"},
               {"K\1)}\x92."s, "byte 4: NEWOBJ_EX"},
               {"}}b."s, "byte 2: BUILD"},
               {"Pid\n."s, "byte 0: PERSID"},
               {"K\1Q."s, "byte 2: BINPERSID"},
               {"\x82\1."s, "byte 0: EXT1"},
               {"\x83\1\0."s, "byte 0: EXT2"},
               {"\x84\1\0\0\0."s, "byte 0: EXT4"},
               {"\x97."s, "byte 0: NEXT_BUFFER"},
               {"K\1\x98."s, "byte 2: READONLY_BUFFER"}};
  for (const auto& [pickle, where] : cases) {
    EXPECT_EQ(error_of(pickle), "dump_3: " + where + ": could run code, and is refused");
  }
}

TEST(ImportPickleTest, DamageIsSaidWithItsPlace) {
  const struct {
    std::string pickle;
    std::string what;
  } cases[] = {
      {"", "byte 0: ends where 1 more bytes belong"},
      {"\x80\x06."s, "byte 0: PROTO: protocol 6"},
      {"\xff."s, "byte 0: no opcode of a pickle: 0xff"},
      {"X\xff\xff\xff\xff"
       "abc."s,
       "byte 9: ends where 4294967291 more bytes belong"},
      {"\x8d\xff\xff\xff\xff\xff\xff\xff\xff"
       "a."s,
       "byte 11: ends where"},
      {"\x95\xff\xff\xff\xff\xff\xff\xff\xffN."s, "byte 11: ends where"},
      {"X\1\0\0\0\xff."s, "byte 0: BINUNICODE: text that is not UTF-8"},
      {"I12", "byte 3: ends within a line"},
      {"I99999999999999999999\n."s, "byte 0: INT: a number beyond 64 bits"},
      {"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\0."s, "byte 0: LONG1: a number beyond 64 bits"},
      {"Fx\n."s, "byte 0: FLOAT: no number"},
      {"h\5."s, "byte 0: BINGET: nothing was remembered as 5"},
      {"q\1."s, "byte 0: BINPUT: nothing to remember"},
      {"t."s, "byte 0: TUPLE: without a mark"},
      {"K\1(\x85."s, "byte 3: TUPLE1: takes 1 values where 0 are"},
      {"}K\1a."s, "byte 3: APPEND: adds to a value of another kind"},
      {"}(K\1u."s, "byte 4: SETITEMS: a key without a value"},
      {"K\1K\2."s, "byte 4: STOP: 2 values are left where one belongs"},
      {"."s, "byte 0: STOP: 0 values are left"},
      {"N.N"s, "byte 2: 1 bytes after the end"},
      {"]q\0h\0a."s, "byte 6: STOP: a value that contains itself"}};
  for (const auto& [pickle, what] : cases) {
    EXPECT_THAT(error_of(pickle), StartsWith("dump_3: " + what));
  }
}

TEST(ImportPickleTest, EveryBeginningOfAPickleIsDamaged) {
  const std::string whole =
      "\x80\x04\x95\x1a\0\0\0\0\0\0\0}\x94(\x8c\1a\x94]\x94(K\1M\1\0J\0\0\0\0eX\1\0\0\0bNu."s;
  ASSERT_EQ(read(whole), "{'a': [1, 1, 0], 'b': None}");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(error_of(whole.substr(0, size)), HasSubstr("ends ")) << size;
  }
}

TEST(ImportPickleTest, DeepAndWideBombsAreRefused) {
  EXPECT_THAT(error_of("N" + std::string(1'000'000, '\x85') + "."),
              HasSubstr("STOP: values more than 64 deep in one another"));
  // Twenty lists, each ten times in the next; 0x30 is POP.
  std::string shared = "]q\0\x30"s;
  for (int level = 0; level < 20; ++level) {
    shared += "](h\0h\0h\0h\0h\0h\0h\0h\0h\0h\0eq\0\x30"s;
  }
  EXPECT_THAT(error_of(shared + "h\0."s), HasSubstr("shared values that would be more than"));
  EXPECT_THAT(error_of("(" + std::string(kPlainValuesMax + 1, ')') + "t."),
              AllOf(HasSubstr("EMPTY_TUPLE"), HasSubstr("more than 4000000 values")));
  EXPECT_THAT(error_of("N" + std::string(kPlainValuesMax, '2') + "."), HasSubstr("on the stack"));
}

// Showed as gigabytes of members: a few groups whose ranks were one text, remembered.
TEST(ImportPickleTest, TextThatIsSharedTooOftenIsRefused) {
  const std::string text = "X\0\0\x10\0"s + std::string(std::size_t{1} << 20U, 'x') + "q\0"s;
  const auto repeated = [&](std::size_t count) {
    std::string list = "(" + text;
    for (std::size_t i = 1; i < count; ++i) list += "h\0"s;
    return list + "l.";
  };
  EXPECT_TRUE(read_pickle(repeated(256), kSource).has_value());
  EXPECT_THAT(error_of(repeated(257)),
              HasSubstr("STOP: shared text that would be more than 268435456 bytes one by one"));
}

// Whatever bytes there are, the answer is a tree or an error with its place.
TEST(ImportPickleTest, NoBytesBreakTheReader) {
  const std::uint64_t seed = std::mt19937_64{std::random_device{}()}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  Random random{seed, "pickles"};
  const std::string whole =
      "\x80\x04\x95\x20\0\0\0\0\0\0\0}\x94(\x8c\1a\x94]\x94(K\1M\1\0J\0\0\0\0h\1"
      "0N2eX\1\0\0\0b"
      "G\0\0\0\0\0\0\0\0u."s;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = whole;
    const std::uint64_t changes = 1 + random.below(4);
    for (std::uint64_t i = 0; i < changes; ++i) {
      bytes[random.below(bytes.size())] = static_cast<char>(random.below(256));
    }
    if (random.below(8) == 0) bytes.resize(random.below(bytes.size()));
    const Result<PlainTree> tree = read_pickle(bytes, kSource);
    if (tree) {
      EXPECT_FALSE(spell(*tree, tree->root()).empty());
    } else {
      EXPECT_THAT(tree.error().message, StartsWith("dump_3: byte "));
    }
  }
}

}  // namespace
}  // namespace radixbench
