// A libfuse session over a FilesystemFixture's file system, with a FakeKernel at its other end.
#pragma once

#include <memory>

#include <fuse3/fuse_lowlevel.h>

#include "fuse/session/session_context.h"
#include "fuse/session/session_operations.h"
#include "fuse/session/worker_crew.h"
#include "tests/unit/fuse/fake_kernel.h"
#include "tests/unit/fuse/filesystem_fixture.h"

namespace skybridge::fuse {

class SessionFixture : public FilesystemFixture {
 protected:
  void SetUp() override {
    FilesystemFixture::SetUp();
    context_ = std::make_unique<SessionContext>(*fs, "/nowhere", 2, [this] { ready_ = true; });
    char name[] = "test";
    char* argv[] = {name, nullptr};
    fuse_args args{.argc = 1, .argv = argv, .allocated = 0};
    session_ =
        fuse_session_new(&args, &SessionOperations(), sizeof(fuse_lowlevel_ops), context_.get());
    fuse_opt_free_args(&args);
    ASSERT_NE(session_, nullptr);
    ASSERT_TRUE(context_->channel.Attach(session_, kernel_.session_fd()));
  }
  void TearDown() override {
    if (session_ != nullptr) fuse_session_destroy(session_);
  }

  FakeKernel kernel_;
  std::atomic<bool> ready_ = false;
  std::unique_ptr<SessionContext> context_;
  fuse_session* session_ = nullptr;
};

}  // namespace skybridge::fuse
