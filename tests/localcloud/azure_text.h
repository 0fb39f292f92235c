// Small texts of the Azure protocols: XML by hand (a listing of 5,000 entries must not wait for a
// tree), flags, numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace skybridge::localcloud::azure {

// With the byte order mark that the service sends and that parsers must bear.
inline constexpr std::string_view kXmlStart =
    "\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"utf-8\"?>";

std::string EscapeXml(std::string_view text);
// <name>text</name>, or <name /> for an empty text.
void AppendElement(std::string& xml, std::string_view name, std::string_view text);
// A JSON string with its quotes.
std::string JsonString(std::string_view text);

std::string Lower(std::string_view text);
bool EqualsIgnoringCase(std::string_view a, std::string_view b);
std::vector<std::string_view> Split(std::string_view text, char separator);  // empty text: no parts
std::string_view Trim(std::string_view text);                                // blanks and tabs
std::optional<std::uint64_t> ParseNumber(std::string_view text);             // decimal digits only
std::string NewGuid();
bool IsGuid(std::string_view text);

}  // namespace skybridge::localcloud::azure
