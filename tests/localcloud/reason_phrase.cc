#include "tests/localcloud/reason_phrase.h"

#include <dlfcn.h>

#include <cstring>
#include <string>

#include <microhttpd.h>

namespace skybridge::localcloud {
namespace {

thread_local unsigned int chosen_status = 0;
thread_local std::string chosen_phrase;

using PhraseFunction = const char* (*)(unsigned int status);

// The library's own function, which the one below stands in front of.
const char* UsualPhrase(unsigned int status) {
  static const auto kUsual =
      reinterpret_cast<PhraseFunction>(dlsym(RTLD_NEXT, "MHD_get_reason_phrase_for"));
  return kUsual == nullptr ? "Unknown" : kUsual(status);
}

}  // namespace

void SetReasonPhrase(unsigned int status, std::string_view phrase) {
  chosen_status = status;
  chosen_phrase = phrase.substr(0, phrase.find_first_of("\r\n"));
  for (char& c : chosen_phrase) {
    if (c < ' ' || c > '~') c = '?';
  }
}

}  // namespace skybridge::localcloud

// libmicrohttpd asks these two exported functions of its own when it writes a status line, through
// the dynamic linker, which finds the program's first.
extern "C" {

const char* MHD_get_reason_phrase_for(unsigned int code) {
  using skybridge::localcloud::chosen_phrase;
  const bool chosen = code == skybridge::localcloud::chosen_status && !chosen_phrase.empty();
  return chosen ? chosen_phrase.c_str() : skybridge::localcloud::UsualPhrase(code);
}

size_t MHD_get_reason_phrase_len_for(unsigned int code) {
  return std::strlen(MHD_get_reason_phrase_for(code));
}

}  // extern "C"
