// Whether bytes are text.
#pragma once

#include <string_view>

namespace skybridge {

// Well-formed UTF-8 without surrogates and overlong forms (RFC 3629, section 4).
bool IsUtf8(std::string_view text);

}  // namespace skybridge
