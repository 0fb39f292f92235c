#include "core/url.h"

#include <gtest/gtest.h>

namespace skybridge {
namespace {

TEST(Url, IsCutIntoItsPartsByteForByte) {
  const auto url = ParseUrl("https://a.example:8443/x/../%2f%2F//y?comp=list&p=a%2Fb?c");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->scheme, "https");
  EXPECT_EQ(url->host, "a.example");
  EXPECT_EQ(url->authority(), "a.example:8443");
  EXPECT_EQ(url->path, "/x/../%2f%2F//y");
  EXPECT_EQ(url->query, "comp=list&p=a%2Fb?c");
  EXPECT_FALSE(url->has_user || url->has_fragment);
}

TEST(Url, HasNoPortWhereItIsTheSchemesOwn) {
  EXPECT_EQ(ParseUrl("https://a.example:443/")->authority(), "a.example");
  EXPECT_EQ(ParseUrl("http://a.example:80")->authority(), "a.example");
  EXPECT_EQ(ParseUrl("http://a.example:443")->authority(), "a.example:443");
  EXPECT_EQ(ParseUrl("http://a.example")->path, "/");
}

TEST(Url, KnowsIpv6AddressesUsersAndFragments) {
  const auto url = ParseUrl("http://[::1]:9/p");
  ASSERT_TRUE(url);
  EXPECT_EQ(url->host, "[::1]");
  EXPECT_EQ(url->bare_host(), "::1");
  EXPECT_TRUE(ParseUrl("https://user@a.example/")->has_user);
  EXPECT_TRUE(ParseUrl("https://a.example/#part")->has_fragment);
}

TEST(Url, IsNothingElse) {
  using namespace std::string_literals;
  for (const std::string& text : {""s, "a.example"s, "/path"s, "ftp://a.example/"s, "https://"s,
                                  "https:///path"s, "https://a b/"s, "https://a.example:70000/"s,
                                  "https://a.example:"s, "https://a.example/\0x"s})
    EXPECT_FALSE(ParseUrl(text)) << text;
}

}  // namespace
}  // namespace skybridge
