#include "cli/trusted_certificates.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/temp_directory.h"

namespace skybridge::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class TrustedCertificates : public ::testing::Test {
 protected:
  std::string File(const std::string& name) {
    std::ofstream(temp_.Sub(name)) << "pem";
    return temp_.Sub(name);
  }
  Status Trust(const std::string& ca_file, const MapEnvironment& environment) {
    return TrustCertificates(options_, ca_file, environment, places_);
  }

  skybridge::testing::TempDirectory temp_;
  CertificatePlaces places_{.files = {temp_.Sub("first"), temp_.Sub("second")},
                            .directories = {temp_.Sub("certs")}};
  CurlOptions options_;
};

TEST_F(TrustedCertificates, TheConfiguredFileIsTheOnlyOne) {
  ASSERT_TRUE(Trust(File("mine"), {{"SSL_CERT_FILE", File("other")}}));
  EXPECT_EQ(options_.ca_file, temp_.Sub("mine"));
  EXPECT_EQ(options_.ca_directory, "");
}

TEST_F(TrustedCertificates, TheEnvironmentComesBeforeTheUsualPlaces) {
  File("first");
  ASSERT_TRUE(Trust("", {{"SSL_CERT_FILE", File("other")}}));
  EXPECT_EQ(options_.ca_file, temp_.Sub("other"));
  ASSERT_TRUE(Trust("", {{"CURL_CA_BUNDLE", File("bundle")}, {"SSL_CERT_FILE", "/not/there"}}));
  EXPECT_EQ(options_.ca_file, temp_.Sub("bundle"));
}

TEST_F(TrustedCertificates, ADirectoryOfTheEnvironmentIsTrusted) {
  ASSERT_TRUE(Trust("", {{"SSL_CERT_DIR", temp_.path()}}));
  EXPECT_EQ(options_.ca_file, "");
  EXPECT_EQ(options_.ca_directory, temp_.path());
}

TEST_F(TrustedCertificates, TheFirstPlaceThatIsThereIsTaken) {
  File("second");
  std::filesystem::create_directory(temp_.Sub("certs"));
  ASSERT_TRUE(Trust("", {}));
  EXPECT_EQ(options_.ca_file, temp_.Sub("second"));
}

TEST_F(TrustedCertificates, LibcurlsOwnAreLeftToLibcurl) {
  File("first");
  places_.built_in.file = File("built-in");
  ASSERT_TRUE(Trust("", {}));
  EXPECT_EQ(options_.ca_file, "");
  EXPECT_EQ(options_.ca_directory, "");
}

TEST_F(TrustedCertificates, WhatIsNamedAndNotThereIsAnError) {
  const Status trusted = Trust("", {{"SSL_CERT_FILE", "/not/there"}});
  ASSERT_FALSE(trusted);
  EXPECT_THAT(trusted.error().message, StartsWith("SSL_CERT_FILE /not/there: "));
}

TEST_F(TrustedCertificates, WhereNoneAreThereThePlacesAreNamed) {
  const Status trusted = Trust("", {});
  ASSERT_FALSE(trusted);
  for (const char* place : {"first", "second", "certs"})
    EXPECT_THAT(trusted.error().message, HasSubstr(temp_.Sub(place)));
}

}  // namespace
}  // namespace skybridge::cli
