#include "core/service_endpoint.h"

#include <gtest/gtest.h>

namespace skybridge {
namespace {

TEST(ServiceEndpoint, NormalisesTheUrl) {
  const auto endpoint =
      ParseServiceEndpoint("https://objectstorage.example.com:8443/", EndpointPath::kRefused);
  ASSERT_TRUE(endpoint);
  EXPECT_TRUE(endpoint->tls);
  EXPECT_EQ(endpoint->host, "objectstorage.example.com");
  EXPECT_EQ(endpoint->url, "https://objectstorage.example.com:8443");
}

TEST(ServiceEndpoint, AcceptsAPathOnlyWhereAsked) {
  EXPECT_EQ(ParseServiceEndpoint("http://127.0.0.1:1/lake/", EndpointPath::kAllowed)->url,
            "http://127.0.0.1:1/lake");
  EXPECT_FALSE(ParseServiceEndpoint("http://127.0.0.1:1/lake", EndpointPath::kRefused));
}

TEST(ServiceEndpoint, KnowsLoopback) {
  const auto loopback = [](const char* text) {
    return ParseServiceEndpoint(text, EndpointPath::kRefused)->is_loopback();
  };
  EXPECT_TRUE(loopback("http://127.0.0.1:10000"));
  EXPECT_TRUE(loopback("http://localhost"));
  EXPECT_TRUE(loopback("http://[::1]:80"));
  EXPECT_FALSE(loopback("http://10.0.0.1"));
  EXPECT_FALSE(loopback("http://127.evil.example"));
}

TEST(ServiceEndpoint, RefusesWhatIsNoEndpoint) {
  for (const char* text : {"contoso.example", "ftp://x", "https://", "https://u:p@x", "https://x?y",
                           "https://x:port", "https://x:", "https://[::1"}) {
    EXPECT_FALSE(ParseServiceEndpoint(text, EndpointPath::kAllowed)) << text;
  }
}

TEST(ServiceEndpoint, NeverRepeatsUserInformation) {
  EXPECT_EQ(ParseServiceEndpoint("https://user:hunter2@x", EndpointPath::kRefused)
                .error()
                .message.find("hunter2"),
            std::string::npos);
}

}  // namespace
}  // namespace skybridge
