#include <malloc.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "cli/run.h"
#include "cli/store_factory.h"
#include "core/clock.h"
#include "core/environment.h"

namespace {

// A crash leaves no copy of the memory behind: there are keys and tokens in it. Where cores are
// piped to a program the limit is not kept (core(5)), but what may not be dumped is not given to
// it.
void ForbidCoreDumps() {
  const rlimit none{.rlim_cur = 0, .rlim_max = 0};
  if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0) != 0)
    std::perror("skybridge: core dumps cannot be forbidden");
}

// Every open file of a program may need two descriptors here; the usual soft limit of 1024 is for
// programs that use select(2).
void RaiseDescriptorLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= limit.rlim_max) return;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
    std::perror("skybridge: the limit on open files cannot be raised");
}

// By default glibc makes an arena of its own for each of some eight threads a core, and each keeps
// what a listing once needed. Buffers of the data path come from pools and are not affected.
void BoundHeap() {
  mallopt(M_ARENA_MAX, 2);
  mallopt(M_TRIM_THRESHOLD, 16 << 20);
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace skybridge;
  ForbidCoreDumps();
  RaiseDescriptorLimit();
  BoundHeap();
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
