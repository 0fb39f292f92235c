// Leases of blobs, paths and containers, as "Lease Blob", "Lease Container" and "Path - Lease"
// document them: the outcome of every action, and of every use, in every state.
#include <gtest/gtest.h>

#include "tests/unit/localcloud/azure_caller.h"

namespace skybridge::localcloud::testing {
namespace {

using std::chrono::seconds;

constexpr char kOne[] = "11111111-1111-4111-8111-111111111111";
constexpr char kOther[] = "22222222-2222-4222-8222-222222222222";

HeaderList Act(const std::string& action, HeaderList more = {}) {
  more.emplace_back("x-ms-lease-action", action);
  return more;
}

HeaderList Acquire(const std::string& id, const std::string& duration = "-1") {
  return Act("acquire", {{"x-ms-lease-duration", duration}, {"x-ms-proposed-lease-id", id}});
}

HeaderList Naming(const std::string& id) { return {{"x-ms-lease-id", id}}; }

class AzureLeases : public ::testing::Test {
 protected:
  AzureLeases() { caller_.CreateFile("f", "content"); }

  Response Send(const std::string& method, const std::string& target, HeaderList headers = {},
                std::string body = "") {
    return caller_.Send(method, target, {.body = std::move(body), .headers = std::move(headers)});
  }
  // By Data Lake's call.
  Response Lease(HeaderList headers) { return Send("POST", "/fs/f", std::move(headers)); }
  std::string StateOf(const std::string& path = "f") {
    return std::string(Send("HEAD", "/fs/" + path).headers.Get("x-ms-lease-state"));
  }
  // Brings "f" into a state; its lease, if there is one, is kOne.
  void Bring(const std::string& state) {
    if (state == "available") return;
    const std::string duration = state == "expired" ? "15" : "-1";
    EXPECT_EQ(Lease(Acquire(kOne, duration)).status, 201);
    if (state == "breaking" || state == "broken") {
      const std::string period = state == "breaking" ? "60" : "0";
      EXPECT_EQ(Lease(Act("break", {{"x-ms-lease-break-period", period}})).status, 202);
    }
    if (state == "expired") caller_.clock().Advance(seconds(16));
    EXPECT_EQ(StateOf(), state);
  }
  Response SetMetadata(HeaderList headers = {}) {
    return Send("PUT", "/fs/f?comp=metadata", std::move(headers));
  }

  AzureCaller caller_;
};

struct Outcome {
  std::string state;
  HeaderList action;
  int status;
  std::string code;   // of a refusal
  std::string after;  // the state
};

class AzureLeaseOutcomes : public AzureLeases, public ::testing::WithParamInterface<Outcome> {};

TEST_P(AzureLeaseOutcomes, AreTheDocumentedOnes) {
  const Outcome& outcome = GetParam();
  Bring(outcome.state);
  const Response response = Lease(outcome.action);
  EXPECT_EQ(response.status, outcome.status);
  EXPECT_EQ(CodeOf(response), outcome.code);
  EXPECT_EQ(StateOf(), outcome.after);
}

HeaderList Change(const std::string& from, const std::string& to) {
  return Act("change", {{"x-ms-lease-id", from}, {"x-ms-proposed-lease-id", to}});
}

INSTANTIATE_TEST_SUITE_P(
    ByState, AzureLeaseOutcomes,
    ::testing::Values(
        Outcome{"available", Acquire(kOne), 201, "", "leased"},
        Outcome{"leased", Acquire(kOne), 201, "", "leased"},
        Outcome{"leased", Acquire(kOther), 409, "LeaseAlreadyPresent", "leased"},
        Outcome{"breaking", Acquire(kOne), 409, "LeaseIsBreakingAndCannotBeAcquired", "breaking"},
        Outcome{"breaking", Acquire(kOther), 409, "LeaseAlreadyPresent", "breaking"},
        Outcome{"broken", Acquire(kOther), 201, "", "leased"},
        Outcome{"expired", Acquire(kOther), 201, "", "leased"},
        Outcome{"available", Act("renew", Naming(kOne)), 409, "LeaseNotPresentWithLeaseOperation",
                "available"},
        Outcome{"leased", Act("renew", Naming(kOne)), 200, "", "leased"},
        Outcome{"leased", Act("renew", Naming(kOther)), 409, "LeaseIdMismatchWithLeaseOperation",
                "leased"},
        Outcome{"breaking", Act("renew", Naming(kOne)), 409, "LeaseIsBrokenAndCannotBeRenewed",
                "breaking"},
        Outcome{"broken", Act("renew", Naming(kOne)), 409, "LeaseIsBrokenAndCannotBeRenewed",
                "broken"},
        Outcome{"expired", Act("renew", Naming(kOne)), 200, "", "leased"},
        Outcome{"leased", Change(kOne, kOther), 200, "", "leased"},
        Outcome{"leased", Change(kOther, kOne), 200, "", "leased"},
        Outcome{"breaking", Change(kOne, kOther), 409, "LeaseIsBreakingAndCannotBeChanged",
                "breaking"},
        Outcome{"broken", Change(kOne, kOther), 409, "LeaseNotPresentWithLeaseOperation", "broken"},
        Outcome{"expired", Change(kOne, kOther), 409, "LeaseNotPresentWithLeaseOperation",
                "expired"},
        Outcome{"leased", Act("release", Naming(kOne)), 200, "", "available"},
        Outcome{"leased", Act("release", Naming(kOther)), 409, "LeaseIdMismatchWithLeaseOperation",
                "leased"},
        Outcome{"breaking", Act("release", Naming(kOne)), 200, "", "available"},
        Outcome{"broken", Act("release", Naming(kOne)), 200, "", "available"},
        Outcome{"expired", Act("release", Naming(kOne)), 200, "", "available"},
        Outcome{"available", Act("break"), 409, "LeaseNotPresentWithLeaseOperation", "available"},
        Outcome{"leased", Act("break"), 202, "", "broken"},
        Outcome{"breaking", Act("break"), 202, "", "breaking"},
        Outcome{"broken", Act("break"), 202, "", "broken"},
        Outcome{"expired", Act("break"), 202, "", "broken"}));

struct Use {
  std::string state;
  std::string naming;    // the lease that a write names; "" for none
  std::string dfs_code;  // "" when it succeeds
  std::string blob_code;
  std::string after;
};

class AzureLeasedWrites : public AzureLeases, public ::testing::WithParamInterface<Use> {};

TEST_P(AzureLeasedWrites, AreLetThroughAsDocumented) {
  const Use& use = GetParam();
  const HeaderList naming = use.naming.empty() ? HeaderList{} : Naming(use.naming);
  Bring(use.state);
  EXPECT_EQ(CodeOf(SetMetadata(naming)), use.blob_code);
  EXPECT_EQ(StateOf(), use.after);
  if (!use.dfs_code.empty()) {
    EXPECT_EQ(CodeOf(Send("PATCH", "/fs/f?action=setProperties", naming)), use.dfs_code);
    EXPECT_EQ(CodeOf(Send("PATCH", "/fs/f?action=flush&position=7", naming)), use.dfs_code);
  }
}

INSTANTIATE_TEST_SUITE_P(
    ByState, AzureLeasedWrites,
    ::testing::Values(Use{"leased", kOne, "", "", "leased"},
                      Use{"leased", kOther, "LeaseIdMismatch", "LeaseIdMismatchWithBlobOperation",
                          "leased"},
                      Use{"leased", "", "LeaseIdMissing", "LeaseIdMissing", "leased"},
                      Use{"breaking", kOne, "", "", "breaking"},
                      Use{"breaking", "", "LeaseIdMissing", "LeaseIdMissing", "breaking"},
                      Use{"broken", kOne, "LeaseLost", "LeaseLost", "broken"},
                      Use{"broken", "", "", "", "available"},
                      Use{"expired", kOne, "LeaseLost", "LeaseLost", "expired"},
                      Use{"expired", "", "", "", "available"},
                      Use{"available", kOne, "LeaseNotPresent", "LeaseNotPresentWithBlobOperation",
                          "available"}));

TEST_F(AzureLeases, AreOneAndTheSameOnBothProtocols) {
  EXPECT_EQ(Send("PUT", "/fs/f?comp=lease", Acquire(kOne)).status, 201);
  EXPECT_EQ(CodeOf(Lease(Acquire(kOther))), "LeaseAlreadyPresent");
  EXPECT_EQ(Lease(Act("release", Naming(kOne))).status, 200);
  EXPECT_EQ(StateOf(), "available");
}

TEST_F(AzureLeases, LetReadersInUnlessTheyNameAnotherLease) {
  Bring("leased");
  EXPECT_EQ(Send("GET", "/fs/f").status, 200);
  EXPECT_EQ(Send("GET", "/fs/f", Naming(kOne)).status, 200);
  for (const char* target : {"/fs/f", "/fs/f?comp=metadata", "/fs/f?comp=blocklist"}) {
    EXPECT_EQ(Send("GET", target, Naming(kOther)).status, 412) << target;
  }
  for (const char* action : {"getStatus", "getAccessControl"}) {
    EXPECT_EQ(Send("HEAD", std::string("/fs/f?action=") + action, Naming(kOther)).status, 412);
  }
}

TEST_F(AzureLeases, RefuseDurationsAndPeriodsOutOfRange) {
  for (const char* duration : {"14", "61", "0", "-2", "x"}) {
    EXPECT_EQ(CodeOf(Lease(Acquire(kOne, duration))), "InvalidHeaderValue") << duration;
  }
  EXPECT_EQ(Lease(Acquire(kOne, "15")).status, 201);
  EXPECT_EQ(CodeOf(Lease(Act("break", {{"x-ms-lease-break-period", "61"}}))), "InvalidHeaderValue");
  EXPECT_EQ(CodeOf(Lease(Act("steal"))), "InvalidHeaderValue");
  EXPECT_EQ(CodeOf(Lease({})), "MissingRequiredHeader");
}

TEST_F(AzureLeases, EndWithTheShorterOfPeriodAndRest) {
  Lease(Acquire(kOne, "30"));
  EXPECT_EQ(Lease(Act("break", {{"x-ms-lease-break-period", "60"}})).headers.Get("x-ms-lease-time"),
            "30");
  caller_.clock().Advance(seconds(31));
  EXPECT_EQ(StateOf(), "broken");
}

TEST_F(AzureLeases, DoNotComeBackByARenewalOnceTheFileWasWritten) {
  Bring("expired");
  EXPECT_EQ(SetMetadata().status, 200);
  EXPECT_EQ(Lease(Act("renew", Naming(kOne))).status, 409);
}

TEST_F(AzureLeases, LeaveTheEtagAlone) {
  const std::string before = caller_.Etag("f");
  Lease(Acquire(kOne));
  EXPECT_EQ(caller_.Etag("f"), before);
}

TEST_F(AzureLeases, AreBrokenByAFileThatReplacesTheirs) {
  Bring("leased");
  EXPECT_EQ(CodeOf(Send("PUT", "/fs/f?resource=file", Naming(kOther))), "LeaseIdMismatch");
  EXPECT_EQ(Send("PUT", "/fs/f?resource=file").status, 201);
  EXPECT_EQ(StateOf(), "available");
}

TEST_F(AzureLeases, BelongToTheRenamedFileAndNotToItsNewName) {
  caller_.CreateFile("to", "");
  Send("POST", "/fs/to", Acquire(kOther));
  Bring("leased");
  const HeaderList rename{{"x-ms-rename-source", "/fs/f"}};
  EXPECT_EQ(CodeOf(Send("PUT", "/fs/to?mode=legacy", rename)), "LeaseIdMissing") << "the source's";
  HeaderList allowed = rename;
  allowed.emplace_back("x-ms-source-lease-id", kOne);
  EXPECT_EQ(Send("PUT", "/fs/to?mode=legacy", allowed).status, 201);
  EXPECT_EQ(StateOf("to"), "leased");
  EXPECT_EQ(Send("PUT", "/fs/to?comp=metadata", Naming(kOne)).status, 200);
}

TEST_F(AzureLeases, KeepAFileFromBeingDeletedAndItsAccessFromBeingChanged) {
  Bring("leased");
  EXPECT_EQ(CodeOf(Send("DELETE", "/fs/f?recursive=false")), "LeaseIdMissing");
  EXPECT_EQ(CodeOf(Send("PATCH", "/fs/f?action=setAccessControl", {{"x-ms-permissions", "0600"}})),
            "LeaseIdMissing");
  EXPECT_EQ(Send("DELETE", "/fs/f?recursive=false", Naming(kOne)).status, 200);
}

TEST_F(AzureLeases, ComeWithTheCreationOfAFile) {
  EXPECT_EQ(Send("PUT", "/fs/new?resource=file",
                 {{"x-ms-proposed-lease-id", kOne}, {"x-ms-lease-duration", "-1"}})
                .status,
            201);
  EXPECT_EQ(StateOf("new"), "leased");
  EXPECT_EQ(Send("PUT", "/fs/bad?resource=file",
                 {{"x-ms-proposed-lease-id", kOne}, {"x-ms-lease-duration", "5"}})
                .status,
            400);
  EXPECT_EQ(StateOf("bad"), "") << "nothing was created";
}

TEST_F(AzureLeases, AreAcquiredRenewedAndReleasedByAppendsAndFlushes) {
  const std::string append = "/fs/f?action=append&position=7";
  EXPECT_EQ(Send("PATCH", append, Acquire(kOne, "15"), "+").status, 202);
  EXPECT_EQ(StateOf(), "leased");
  EXPECT_EQ(CodeOf(Send("PATCH", append, {}, "+")), "LeaseIdMissing");
  caller_.clock().Advance(seconds(10));
  const Response renewed = Send("PATCH", append, Act("auto-renew", Naming(kOne)), "+");
  EXPECT_EQ(renewed.status, 202);
  EXPECT_EQ(renewed.headers.Get("x-ms-lease-renewed"), "true");
  caller_.clock().Advance(seconds(10));
  EXPECT_EQ(StateOf(), "leased") << "by the renewal";
  EXPECT_EQ(CodeOf(Send("PATCH", append, Act("release", Naming(kOne)), "+")), "InvalidHeaderValue")
      << "only a flush releases";
  EXPECT_EQ(Send("PATCH", "/fs/f?action=flush&position=8", Act("release", Naming(kOne))).status,
            200);
  EXPECT_EQ(StateOf(), "available");
  EXPECT_EQ(caller_.Read("f"), "content+");
}

TEST_F(AzureLeases, AreHeldForOneFlushAlone) {
  HeaderList headers = Acquire(kOne);
  headers.back().second = "acquire-release";
  EXPECT_EQ(Send("PATCH", "/fs/f?action=flush&position=7", headers).status, 200);
  EXPECT_EQ(StateOf(), "available");
  EXPECT_EQ(Send("PATCH", "/fs/f?action=append&position=7&flush=true", headers, "+").status, 202);
  EXPECT_EQ(StateOf(), "available");
  Bring("leased");
  headers = Acquire(kOther);
  headers.back().second = "acquire-release";
  EXPECT_EQ(CodeOf(Send("PATCH", "/fs/f?action=flush&position=8", headers)), "LeaseAlreadyPresent");
}

TEST_F(AzureLeases, StayAsTheyWereWhenTheFlushIsRefused) {
  EXPECT_EQ(Send("PATCH", "/fs/f?action=flush&position=99", Acquire(kOne)).status, 400);
  EXPECT_EQ(StateOf(), "available");
  EXPECT_EQ(Send("PATCH", "/fs/f?action=append&position=99&flush=true", Acquire(kOne), "x").status,
            400);
  EXPECT_EQ(StateOf(), "available");
}

TEST_F(AzureLeases, OfAContainerKeepItFromBeingDeletedAndNothingElse) {
  const std::string lease = "/fs?restype=container&comp=lease";
  EXPECT_EQ(Send("PUT", lease, Acquire(kOne)).status, 201);
  EXPECT_EQ(Send("GET", "/fs?restype=container").headers.Get("x-ms-lease-status"), "locked");
  EXPECT_EQ(CodeOf(Send("DELETE", "/fs?restype=container")), "LeaseIdMissing");
  EXPECT_EQ(CodeOf(Send("DELETE", "/fs?resource=filesystem")), "LeaseIdMissing");
  EXPECT_EQ(CodeOf(Send("DELETE", "/fs?restype=container", Naming(kOther))),
            "LeaseIdMismatchWithContainerOperation");
  EXPECT_EQ(Send("PUT", "/fs?restype=container&comp=metadata").status, 200);
  EXPECT_EQ(CodeOf(Send("PUT", "/fs?restype=container&comp=metadata", Naming(kOther))),
            "LeaseIdMismatchWithContainerOperation");
  EXPECT_EQ(Send("PUT", lease, Act("release", Naming(kOne))).status, 200);
  EXPECT_EQ(CodeOf(Send("DELETE", "/fs?restype=container", Naming(kOne))),
            "LeaseNotPresentWithContainerOperation");
  EXPECT_EQ(Send("DELETE", "/fs?restype=container").status, 202);
}

TEST_F(AzureLeases, AreShownInListings) {
  Bring("leased");
  const std::string xml = BodyOf(Send("GET", "/fs?restype=container&comp=list"));
  EXPECT_NE(xml.find("<LeaseStatus>locked</LeaseStatus><LeaseState>leased</LeaseState>"
                     "<LeaseDuration>infinite</LeaseDuration>"),
            std::string::npos)
      << xml;
}

}  // namespace
}  // namespace skybridge::localcloud::testing
