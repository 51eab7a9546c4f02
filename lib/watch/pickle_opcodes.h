#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace radixbench {

// Every opcode of Python's pickles up to protocol 5, but STOP. `kRefused` are those that would look
// up a name, call something or ask the reader for an object.
enum class PickleFamily : std::uint8_t {
  kUnknown,
  kRefused,
  kScalar,
  kText,
  kContainer,
  kStack,
  kMemo
};

struct PickleOpcode {
  unsigned char code = 0;
  std::string_view name;
  PickleFamily family = PickleFamily::kUnknown;
};

inline constexpr std::array kPickleOpcodes = {
    PickleOpcode{'c', "GLOBAL", PickleFamily::kRefused},
    PickleOpcode{0x93, "STACK_GLOBAL", PickleFamily::kRefused},
    PickleOpcode{'R', "REDUCE", PickleFamily::kRefused},
    PickleOpcode{'b', "BUILD", PickleFamily::kRefused},
    PickleOpcode{'i', "INST", PickleFamily::kRefused},
    PickleOpcode{'o', "OBJ", PickleFamily::kRefused},
    PickleOpcode{0x81, "NEWOBJ", PickleFamily::kRefused},
    PickleOpcode{0x92, "NEWOBJ_EX", PickleFamily::kRefused},
    PickleOpcode{0x82, "EXT1", PickleFamily::kRefused},
    PickleOpcode{0x83, "EXT2", PickleFamily::kRefused},
    PickleOpcode{0x84, "EXT4", PickleFamily::kRefused},
    PickleOpcode{'P', "PERSID", PickleFamily::kRefused},
    PickleOpcode{'Q', "BINPERSID", PickleFamily::kRefused},
    PickleOpcode{0x97, "NEXT_BUFFER", PickleFamily::kRefused},
    PickleOpcode{0x98, "READONLY_BUFFER", PickleFamily::kRefused},
    PickleOpcode{'N', "NONE", PickleFamily::kScalar},
    PickleOpcode{0x88, "NEWTRUE", PickleFamily::kScalar},
    PickleOpcode{0x89, "NEWFALSE", PickleFamily::kScalar},
    PickleOpcode{'I', "INT", PickleFamily::kScalar},
    PickleOpcode{'L', "LONG", PickleFamily::kScalar},
    PickleOpcode{'K', "BININT1", PickleFamily::kScalar},
    PickleOpcode{'M', "BININT2", PickleFamily::kScalar},
    PickleOpcode{'J', "BININT", PickleFamily::kScalar},
    PickleOpcode{0x8a, "LONG1", PickleFamily::kScalar},
    PickleOpcode{0x8b, "LONG4", PickleFamily::kScalar},
    PickleOpcode{'F', "FLOAT", PickleFamily::kScalar},
    PickleOpcode{'G', "BINFLOAT", PickleFamily::kScalar},
    PickleOpcode{'V', "UNICODE", PickleFamily::kText},
    PickleOpcode{'X', "BINUNICODE", PickleFamily::kText},
    PickleOpcode{0x8c, "SHORT_BINUNICODE", PickleFamily::kText},
    PickleOpcode{0x8d, "BINUNICODE8", PickleFamily::kText},
    PickleOpcode{'S', "STRING", PickleFamily::kText},
    PickleOpcode{'T', "BINSTRING", PickleFamily::kText},
    PickleOpcode{'U', "SHORT_BINSTRING", PickleFamily::kText},
    PickleOpcode{'B', "BINBYTES", PickleFamily::kText},
    PickleOpcode{'C', "SHORT_BINBYTES", PickleFamily::kText},
    PickleOpcode{0x8e, "BINBYTES8", PickleFamily::kText},
    PickleOpcode{0x96, "BYTEARRAY8", PickleFamily::kText},
    PickleOpcode{')', "EMPTY_TUPLE", PickleFamily::kContainer},
    PickleOpcode{0x85, "TUPLE1", PickleFamily::kContainer},
    PickleOpcode{0x86, "TUPLE2", PickleFamily::kContainer},
    PickleOpcode{0x87, "TUPLE3", PickleFamily::kContainer},
    PickleOpcode{'t', "TUPLE", PickleFamily::kContainer},
    PickleOpcode{']', "EMPTY_LIST", PickleFamily::kContainer},
    PickleOpcode{'l', "LIST", PickleFamily::kContainer},
    PickleOpcode{'a', "APPEND", PickleFamily::kContainer},
    PickleOpcode{'e', "APPENDS", PickleFamily::kContainer},
    PickleOpcode{'}', "EMPTY_DICT", PickleFamily::kContainer},
    PickleOpcode{'d', "DICT", PickleFamily::kContainer},
    PickleOpcode{'s', "SETITEM", PickleFamily::kContainer},
    PickleOpcode{'u', "SETITEMS", PickleFamily::kContainer},
    PickleOpcode{0x8f, "EMPTY_SET", PickleFamily::kContainer},
    PickleOpcode{0x90, "ADDITEMS", PickleFamily::kContainer},
    PickleOpcode{0x91, "FROZENSET", PickleFamily::kContainer},
    PickleOpcode{'(', "MARK", PickleFamily::kStack},
    PickleOpcode{'0', "POP", PickleFamily::kStack},
    PickleOpcode{'1', "POP_MARK", PickleFamily::kStack},
    PickleOpcode{'2', "DUP", PickleFamily::kStack},
    PickleOpcode{0x80, "PROTO", PickleFamily::kStack},
    PickleOpcode{0x95, "FRAME", PickleFamily::kStack},
    PickleOpcode{'p', "PUT", PickleFamily::kMemo},
    PickleOpcode{'q', "BINPUT", PickleFamily::kMemo},
    PickleOpcode{'r', "LONG_BINPUT", PickleFamily::kMemo},
    PickleOpcode{0x94, "MEMOIZE", PickleFamily::kMemo},
    PickleOpcode{'g', "GET", PickleFamily::kMemo},
    PickleOpcode{'h', "BINGET", PickleFamily::kMemo},
    PickleOpcode{'j', "LONG_BINGET", PickleFamily::kMemo},
};

inline constexpr unsigned char kPickleStop = '.';

// By its code; those without a name are kUnknown.
constexpr std::array<PickleOpcode, 256> pickle_opcode_table() {
  std::array<PickleOpcode, 256> table{};
  for (const PickleOpcode& opcode : kPickleOpcodes) table[opcode.code] = opcode;
  return table;
}

}  // namespace radixbench
