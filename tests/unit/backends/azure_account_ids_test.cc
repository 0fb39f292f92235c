#include "backends/azure/account_ids.h"

#include <gtest/gtest.h>

namespace skybridge::azure {
namespace {

const AccountIds kIds{.users = {{"u-anna", 1001}, {"u-ben", 1002}},
                      .groups = {{"g-lab", 50}},
                      .default_uid = 1000,
                      .default_gid = 100};
constexpr const char* kNamed =
    "user::rw-,user:u1:rwx,group::r--,mask::rw-,other::---,default:user::rwx,default:other::r-x";

TEST(AccountIds, AMaskStandsForTheGroup) {
  EXPECT_EQ(ModeOfAcl("user::rw-,group::r--,other::---"), 0640U);
  EXPECT_EQ(ModeOfAcl(kNamed), 0660U);
  EXPECT_EQ(ModeOfAcl(""), 0U);
}

TEST(AccountIds, AChmodLeavesNamedAndDefaultEntries) {
  EXPECT_EQ(AclWithMode("user::rw-,group::r--,other::---", 0751),
            "user::rwx,group::r-x,other::--x");
  EXPECT_EQ(AclWithMode(kNamed, 0600),
            "user::rw-,user:u1:rwx,group::r--,mask::---,other::---,default:user::rwx,"
            "default:other::r-x");
}

TEST(AccountIds, ShowsWhatTheAccountHas) {
  Attributes attributes{.mode = 0777,
                        .uid = 7,
                        .gid = 7,
                        .access = AccessControl{.owner = "u-ben", .group = "g-x", .acl = kNamed}};
  ShowAccess(kIds, NodeKind::kFile, attributes);
  EXPECT_EQ(attributes.mode, 0660U);
  EXPECT_EQ(attributes.uid, 1002U);
  EXPECT_EQ(attributes.gid, 100U) << "not in the table";
}

TEST(AccountIds, AsksForWhatDiffers) {
  const AccessControl has{
      .owner = "u-anna", .group = "g-lab", .acl = "user::rw-,group::r--,other::---"};
  const auto change = [&](const Attributes& wanted) { return AccessAsWanted(kIds, has, wanted); };
  EXPECT_EQ(*change({.mode = 0640, .uid = 1001, .gid = 50}), AccessControl());
  EXPECT_EQ(*change({}), AccessControl());
  EXPECT_EQ(
      *change({.mode = 0600, .uid = 1002}),
      (AccessControl{.owner = "u-ben", .group = "", .acl = "user::rw-,group::---,other::---"}));
  EXPECT_EQ(*AccessAsWanted(kIds, {.owner = "?", .group = "?", .acl = has.acl}, {.uid = 1000}),
            AccessControl())
      << "it is shown so";
  EXPECT_EQ(change({.uid = 4242}).error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(change({.gid = 4242}).error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(change({.mode = 04755}).error().code, ErrorCode::kNotSupported);
}

}  // namespace
}  // namespace skybridge::azure
