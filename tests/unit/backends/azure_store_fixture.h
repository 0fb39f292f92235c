// What the tests of both Azure stores share: options without a true credential, replies as the
// service writes them.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "backends/azure/options.h"
#include "tests/support/fake_clock.h"
#include "tests/support/scripted_transport.h"

namespace skybridge::azure {

inline Options StoreOptions(std::string root = {}) {
  return {.account = "a",
          .container = "c",
          .root = std::move(root),
          .dfs_endpoint = "https://a.dfs.core.windows.net",
          .blob_endpoint = "https://a.blob.core.windows.net",
          .credential = std::make_shared<AnonymousCredential>()};
}

inline std::string ListXml(const std::string& entries, const std::string& next_marker = {}) {
  return "<?xml version=\"1.0\" encoding=\"utf-8\"?><EnumerationResults><Blobs>" + entries +
         "</Blobs><NextMarker>" + next_marker + "</NextMarker></EnumerationResults>";
}
inline std::string BlobXml(const std::string& name, const std::string& metadata = {},
                           const std::string& size = "1") {
  return "<Blob><Name>" + name +
         "</Name><Properties><Last-Modified>Mon, 05 Jan 2026 10:20:30 "
         "GMT</Last-Modified><Etag>0x1" +
         "</Etag><Content-Length>" + size + "</Content-Length></Properties><Metadata>" + metadata +
         "</Metadata></Blob>";
}
inline std::string PrefixXml(const std::string& name) {
  return "<BlobPrefix><Name>" + name + "</Name></BlobPrefix>";
}
inline std::string MarkerXml(const std::string& name) {
  return BlobXml(name, "<hdi_isfolder>true</hdi_isfolder>", "0");
}

inline const CallContext kRetried{.retried = true};

// The value of one URL parameter or header of what was sent; for readable expectations.
inline std::string HeaderOf(const testing::SentRequest& sent, std::string_view name) {
  return std::string(sent.headers.Get(name));
}

}  // namespace skybridge::azure
