#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace radixbench {

// At most so many bytes of it, ended between characters.
std::string_view cut_text(std::string_view text, std::size_t bytes_max);

// Text from anywhere as text in GitHub-flavoured Markdown, in a table too: it is no markup,
// mentions nobody, and is cut after a few hundred bytes.
std::string markdown_text(std::string_view text);

// What may stand in a hidden marker, <!-- radixbench:...:ID -->, of a text: letters, digits and
// - _ . /, never two - in a row.
std::string markdown_id(std::string_view text);

// Rows of plain text, the heading first; all but the first column are aligned right.
std::string markdown_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace radixbench
