// Environment: the process's environment variables as a seam, so that tests need not change their
// own process.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>

namespace skybridge {

// Safe from many threads (nothing of ours calls setenv).
class Environment {
 public:
  virtual ~Environment() = default;
  // Nothing for a variable that is unset or empty: users clear variables in both ways.
  virtual std::optional<std::string> Get(const std::string& name) const = 0;
};

class ProcessEnvironment final : public Environment {
 public:
  std::optional<std::string> Get(const std::string& name) const override;
};

class MapEnvironment final : public Environment {
 public:
  MapEnvironment() = default;
  MapEnvironment(std::initializer_list<std::map<std::string, std::string>::value_type> variables)
      : variables_(variables) {}
  std::optional<std::string> Get(const std::string& name) const override;

 private:
  std::map<std::string, std::string> variables_;
};

}  // namespace skybridge
