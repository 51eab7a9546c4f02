#include "git_history.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

namespace radixbench {
namespace {

constexpr std::size_t kCommitDigits = 40;

struct GitAnswer {
  int exit_code = -1;  // -1: could not be run
  std::string text;    // its first line
};

// git reads its own files and asks nobody, so it ends on its own.
GitAnswer ask_git(std::vector<std::string> words) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return {};
  words.insert(words.begin(), "git");
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions{};
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int problem = posix_spawnp(&child, "git", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  GitAnswer answer;
  std::array<char, 4096> piece{};
  while (problem == 0) {
    const ssize_t got = read(ends[0], piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    answer.text.append(piece.data(), static_cast<std::size_t>(got));
  }
  close(ends[0]);
  if (problem != 0) return {};
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  answer.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  answer.text.resize(std::min(answer.text.find('\n'), answer.text.size()));
  return answer;
}

// Commits come out of files that anybody may have written.
bool is_commit(const std::string& text) {
  return !text.empty() && text.size() <= kCommitDigits &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

std::optional<std::string> merge_base_with(const std::string& base) {
  std::vector<std::string> candidates{base};
  if (base.empty()) candidates = {"origin/HEAD", "main", "master"};
  for (const std::string& candidate : candidates) {
    const GitAnswer known =
        ask_git({"rev-parse", "--verify", "--quiet", "--end-of-options", candidate + "^{commit}"});
    if (known.exit_code != 0 || !is_commit(known.text)) continue;
    const GitAnswer common = ask_git({"merge-base", "HEAD", known.text});
    if (common.exit_code == 0 && is_commit(common.text)) return common.text;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> current_commit() {
  const GitAnswer answer = ask_git({"rev-parse", "--verify", "--quiet", "HEAD"});
  if (answer.exit_code != 0 || !is_commit(answer.text)) return std::nullopt;
  return answer.text;
}

BaselineHistory git_history(const std::string& base) {
  BaselineHistory history;
  if (!current_commit()) return history;
  history.merge_base = merge_base_with(base);
  history.is_ancestor = [](const std::string& commit) {
    return is_commit(commit) &&
           ask_git({"merge-base", "--is-ancestor", commit, "HEAD"}).exit_code == 0;
  };
  return history;
}

}  // namespace radixbench
