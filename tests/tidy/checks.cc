#include "tidy/checks.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

namespace radixbench::tidy {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLinesMax = 500;
constexpr std::size_t kColumnsMax = 100;

std::string finding(const SourceFile& file, std::size_t line_index, std::string_view what) {
  return file.path + ":" + std::to_string(line_index + 1) + ": " + std::string{what};
}

bool is_left_out(const std::string& path) {
  return path.starts_with("build") || path == ".git" || path.starts_with(".git/") ||
         path.starts_with("bench/peers/") || path.starts_with("tests/data/fuzz/") ||
         path.find("__pycache__") != std::string::npos;
}

SourceFile read_file(const fs::path& root, const fs::path& path) {
  SourceFile file{fs::relative(path, root).generic_string(), {}};
  std::ifstream stream{path};
  for (std::string line; std::getline(stream, line);) file.lines.push_back(std::move(line));
  return file;
}

std::vector<SourceFile> read_where(const fs::path& root,
                                   const fs::path& folder,
                                   const std::function<bool(const std::string&)>& is_wanted) {
  std::vector<SourceFile> files;
  auto entry = fs::recursive_directory_iterator{folder};
  for (; entry != fs::end(entry); ++entry) {
    const std::string path = fs::relative(entry->path(), root).generic_string();
    if (is_left_out(path + (entry->is_directory() ? "/" : ""))) {
      if (entry->is_directory()) entry.disable_recursion_pending();
      continue;
    }
    if (entry->is_regular_file() && is_wanted(path)) files.push_back(read_file(root, *entry));
  }
  std::ranges::sort(files, {}, &SourceFile::path);
  return files;
}

bool ends_in_one_of(std::string_view path, const std::vector<std::string>& endings) {
  return std::ranges::any_of(endings, [&](const std::string& end) { return path.ends_with(end); });
}

std::size_t code_points(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

struct Wall {
  std::regex forbidden;
  std::vector<std::string> allowed_in;  // beginnings of paths; none: nowhere
};

const std::vector<Wall>& walls() {
  static const std::vector<Wall> kWalls = {
      {std::regex{R"(<CLI/)"}, {"tools/"}},
      {std::regex{R"(<toml)"}, {"tools/"}},
      {std::regex{R"(<hdf5)"}, {"lib/record/hdf5_"}},
      {std::regex{R"(<mpi\.h>)"}, {"lib/comm/mpi_"}},
      {std::regex{R"([<"]gloo/)"}, {"lib/comm/gloo_", "bench/gloo_vs_plain.cc"}},
      {std::regex{R"(<nccl\.h>)"}, {"lib/comm/nccl_"}},
      {std::regex{R"(<cuda)"}, {"lib/base/cuda_", "lib/tier/device_", "lib/comm/nccl_"}},
      {std::regex{R"(<simdjson)"}, {"lib/trace/", "lib/watch/import_"}},
      {std::regex{R"(<nlohmann/)"}, {"lib/report/json_"}},
      {std::regex{R"(<openssl/)"}, {"lib/base/sha256."}},
      {std::regex{R"(<nvtx)"}, {"lib/base/range."}},
      {std::regex{R"(<tl/)"}, {"lib/base/result."}},
      {std::regex{R"(std::random_device|\bs?rand\()"}, {"lib/base/random."}},
      {std::regex{R"(_clock::now|\bclock_gettime\()"}, {"lib/base/clock."}},
      {std::regex{R"(std::cout|\bprintf\(|\bfmt::print\()"},
       {"tools/", "bench/", "lib/base/check."}},
      {std::regex{R"(std::(exit|abort|quick_exit|_Exit)\b|(^|[^\w])::(exit|abort)\()"},
       {"lib/base/check."}},
      {std::regex{R"(\bTODO(?!\((perf|test|port|someday)\): ))"}, {}},
  };
  return kWalls;
}

}  // namespace

const RoomTable& room_table() {
  static const RoomTable kRooms = {
      {"base", {}},
      {"layout", {"base"}},
      {"index", {"base"}},
      {"tier", {"base"}},
      {"comm", {"base"}},
      {"trace", {"base"}},
      {"record", {"base"}},
      {"stats", {"base"}},
      {"watch", {"base", "comm", "layout"}},
      {"control", {"base", "index", "tier", "comm", "layout"}},
      {"engine", {"base", "control", "index", "tier", "comm", "layout", "trace"}},
      {"inject", {"base", "comm", "layout", "tier", "control", "engine"}},
      {"study", {"base", "layout", "stats"}},
      {"report", {"base", "record", "stats", "study", "layout", "watch", "trace"}},
      {"replay",
       {"base",
        "layout",
        "index",
        "tier",
        "comm",
        "watch",
        "control",
        "engine",
        "inject",
        "trace",
        "record",
        "stats"}},
  };
  return kRooms;
}

std::vector<SourceFile> read_tree(const fs::path& root,
                                  const std::vector<std::string>& folders,
                                  const std::vector<std::string>& endings) {
  std::vector<SourceFile> files;
  for (const std::string& folder : folders) {
    std::ranges::move(
        read_where(root,
                   root / folder,
                   [&](const std::string& path) { return ends_in_one_of(path, endings); }),
        std::back_inserter(files));
  }
  return files;
}

std::vector<SourceFile> read_all_text(const fs::path& root) {
  const std::vector<std::string> endings = {
      ".h", ".cc", ".txt", ".cmake", ".md", ".py", ".sh", ".json", ".jsonl", ".yml", ".toml"};
  return read_where(root, root, [&](const std::string& path) {
    const bool is_script = fs::path{path}.extension().empty();
    return is_script || ends_in_one_of(path, endings);
  });
}

Findings check_rooms(const SourceFile& file) {
  const fs::path path = file.path;
  const std::string room = std::next(path.begin())->string();
  const auto row = room_table().find(room);
  if (row == room_table().end()) return {finding(file, 0, "room " + room + " has no row")};
  static const std::regex kInclude{R"rx(^#include "([^"/]+)(/?))rx"};
  Findings findings;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    std::smatch match;
    if (!std::regex_search(file.lines[i], match, kInclude)) continue;
    const std::string included = match[1];
    if (match[2].length() == 0) {
      findings.push_back(finding(file, i, "includes start at lib/: \"room/header.h\""));
    } else if (included != room && !row->second.contains(included)) {
      findings.push_back(finding(file, i, room + " may not include " + included));
    }
  }
  return findings;
}

Findings check_walls(const SourceFile& file) {
  Findings findings;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    for (const Wall& wall : walls()) {
      if (!std::regex_search(file.lines[i], wall.forbidden)) continue;
      const bool is_allowed = std::ranges::any_of(
          wall.allowed_in, [&](const std::string& start) { return file.path.starts_with(start); });
      if (!is_allowed) findings.push_back(finding(file, i, "has no place here: " + file.lines[i]));
    }
  }
  return findings;
}

Findings check_size(const SourceFile& file) {
  Findings findings;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::size_t columns = code_points(file.lines[i]);
    if (columns > kColumnsMax) {
      findings.push_back(finding(file, i, std::to_string(columns) + " columns"));
    }
  }
  if (file.lines.size() > kLinesMax) {
    findings.push_back(finding(file, kLinesMax, std::to_string(file.lines.size()) + " lines"));
  }
  return findings;
}

Findings check_headers(const SourceFile& file, bool has_own_header) {
  Findings findings;
  const auto is_pragma = [](const std::string& line) { return line == "#pragma once"; };
  if (file.path.ends_with(".h") && std::ranges::none_of(file.lines, is_pragma)) {
    findings.push_back(finding(file, 0, "no #pragma once"));
  }
  static const std::regex kUsing{R"(^\s*using namespace (?!std::(\w+::)?\w*literals;))"};
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    if (std::regex_search(file.lines[i], kUsing)) {
      findings.push_back(finding(file, i, "using namespace"));
    }
  }
  if (!has_own_header) return findings;
  const std::string stem = fs::path{file.path}.stem().string() + ".h\"";
  const auto first = std::ranges::find_if(
      file.lines, [](const std::string& line) { return line.starts_with("#include"); });
  if (first != file.lines.end() && !first->ends_with("/" + stem) &&
      !first->ends_with("\"" + stem)) {
    const auto line = static_cast<std::size_t>(first - file.lines.begin());
    findings.push_back(finding(file, line, "its own header comes first"));
  }
  return findings;
}

Findings check_test_names(const SourceFile& file) {
  static const std::regex kNoClaim{R"(^TEST(_F|_P)?\(\w+,\s*(Test\d*|Basic\w*|Works|It\w*)\))"};
  Findings findings;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    if (std::regex_search(file.lines[i], kNoClaim)) {
      findings.push_back(finding(file, i, "claims nothing that can be false: " + file.lines[i]));
    }
  }
  return findings;
}

Findings check_paths(const SourceFile& file) {
  static const std::regex kOfAMachine{R"((^|[^\w.}>*)])/(home|root|Users|work|mnt|srv|data\d*)/)"};
  Findings findings;
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    if (std::regex_search(file.lines[i], kOfAMachine)) {
      findings.push_back(finding(file, i, "a path of one machine: " + file.lines[i]));
    }
  }
  return findings;
}

bool is_listed(const SourceFile& list, std::string_view name) {
  const auto is_boundary = [](char c) {
    return std::string_view{" \t()\"/"}.find(c) != std::string_view::npos;
  };
  return std::ranges::any_of(list.lines, [&](const std::string& line) {
    if (line.find_first_not_of(" \t") != std::string::npos &&
        line[line.find_first_not_of(" \t")] == '#') {
      return false;
    }
    for (std::size_t at = line.find(name); at != std::string::npos; at = line.find(name, at + 1)) {
      const std::size_t end = at + name.size();
      if ((at == 0 || is_boundary(line[at - 1])) &&
          (end == line.size() || is_boundary(line[end]))) {
        return true;
      }
    }
    return false;
  });
}

std::vector<std::string> relative_links(const SourceFile& file) {
  static const std::regex kLink{R"(\]\(([^)#\s]+)[^)]*\))"};
  std::vector<std::string> links;
  for (const std::string& line : file.lines) {
    for (auto match = std::sregex_iterator{line.begin(), line.end(), kLink};
         match != std::sregex_iterator{};
         ++match) {
      const std::string target = (*match)[1];
      if (target.find("://") == std::string::npos && !target.starts_with("mailto:")) {
        links.push_back(target);
      }
    }
  }
  return links;
}

}  // namespace radixbench::tidy
