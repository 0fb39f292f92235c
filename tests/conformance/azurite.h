// Azurite: Microsoft's storage emulator as a child process, on a free port of loopback, everything
// in memory.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"

namespace skybridge::testing {

class Azurite {
 public:
  // The account and key that the emulator documents.
  static constexpr const char* kAccount = "devstoreaccount1";
  static constexpr const char* kKey =
      "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

  // Returns when it answers. kNotFound if it is not installed (scripts/conformance-clients),
  // kUnavailable if it does not come up.
  static Result<std::unique_ptr<Azurite>> Start();
  // Ends the process and waits for it.
  ~Azurite();
  Azurite(const Azurite&) = delete;
  Azurite& operator=(const Azurite&) = delete;

  // "http://127.0.0.1:PORT/devstoreaccount1"
  std::string endpoint() const;

 private:
  Azurite(pid_t pid, std::uint16_t port) : pid_(pid), port_(port) {}

  const pid_t pid_;
  const std::uint16_t port_;
};

}  // namespace skybridge::testing
