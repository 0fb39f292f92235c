// Wildcard patterns with rsync's meaning (rsync(1) 3.2.7, "Pattern matching rules"): `*` stands for
// any bytes but '/', `**` for any bytes, `?` for one byte but '/', `[a-z]` for one of a class, and a
// backslash takes the meaning from the byte behind it.
#pragma once

#include <string_view>

namespace skybridge {

// True where the pattern has a byte that needs MatchesWildcards. In a pattern without one, a
// backslash is a plain byte.
bool HasWildcards(std::string_view pattern);

// Whether the whole text matches the whole pattern. A class that is never closed, and a backslash at
// the end, match nothing. Pure.
bool MatchesWildcards(std::string_view pattern, std::string_view text);

}  // namespace skybridge
