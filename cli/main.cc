#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "cli/run.h"
#include "cli/store_factory.h"
#include "core/clock.h"
#include "core/environment.h"

int main(int argc, char** argv) {
  using namespace skybridge;
  std::ios::sync_with_stdio(false);
  const ProcessEnvironment environment;
  SystemClock clock;
  cli::StoreFactory stores(environment, clock);
  const cli::CommandContext context{.out = std::cout,
                                    .err = std::cerr,
                                    .environment = environment,
                                    .clock = clock,
                                    .stores = stores,
                                    .progress_line = isatty(STDERR_FILENO) == 1};
  return static_cast<int>(cli::Run(std::vector<std::string>(argv, argv + argc), context));
}
