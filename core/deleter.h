// Owning pointers to what a C library makes and frees: std::unique_ptr<BIO, Deleter<BIO_free_all>>.
#pragma once

namespace skybridge {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};

}  // namespace skybridge
