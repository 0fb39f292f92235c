// Microsoft's own Data Lake client, unchanged, against the local cloud: access control lists, leases, conditions and
// shared access signatures of paths, and the edges of ranges and of pages.
// Usage: node azure_datalake_rules.mjs PATH_OF_LOCALCLOUD
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  AccountSASPermissions,
  DataLakeSASPermissions,
  DataLakeServiceClient,
  DirectorySASPermissions,
  StorageSharedKeyCredential,
  generateDataLakeSASQueryParameters,
} from "@azure/storage-file-datalake";

import { AWKWARD_NAMES, ONE_TRY, minutesFromNow, refused } from "./azure_checks.mjs";
import { readAll, startLocalCloud } from "./local_cloud.mjs";

const ONE = "11111111-1111-4111-8111-111111111111";
const OTHER = "22222222-2222-4222-8222-222222222222";

let cloud;
let credential;
let service;
let filesystem;

async function write(path, bytes = "0123456789") {
  const file = filesystem.getFileClient(path);
  await file.upload(Buffer.from(bytes));
  return file;
}

async function content(file, offset, count, options) {
  return (await readAll((await file.read(offset, count, options)).readableStreamBody)).toString();
}

const entry = (accessControlType, entityId, letters, defaultScope = false) => ({
  accessControlType, entityId, defaultScope,
  permissions: { read: letters.includes("r"), write: letters.includes("w"), execute: letters.includes("x") },
});
const BASE = [entry("user", "", "rwx"), entry("group", "", "rx"), entry("other", "", "")];
const named = (client) => client.getAccessControl()
  .then(({ acl }) => acl.filter((one) => one.entityId !== "").map((one) => [one.entityId, one.defaultScope]));

before(async () => {
  cloud = await startLocalCloud(process.argv[2], "--azure-filesystem", "rules");
  const account = cloud.ready.azure.accounts.find((one) => one.hierarchical);
  credential = new StorageSharedKeyCredential(account.name, account.key);
  service = new DataLakeServiceClient(account.url, credential, ONE_TRY);
  filesystem = service.getFileSystemClient("rules");
});

after(async () => cloud.stop());

test("owner, group, permissions and lists are set and read", async () => {
  const file = await write("acl/file");
  await file.setAccessControl([...BASE, entry("user", "bob", "rw")], { owner: "alice", group: "staff" });
  const access = await file.getAccessControl();
  assert.deepEqual([access.owner, access.group], ["alice", "staff"]);
  assert.equal(access.permissions.extendedAcls, true);
  assert.deepEqual(access.acl.find((one) => one.entityId === "bob").permissions,
    { read: true, write: true, execute: false });
  assert.ok(access.acl.some((one) => one.accessControlType === "mask"), "named entries bring a mask");
  await refused(file.setAccessControl([...BASE, entry("user", "bob", "r", true)]), 400, "InvalidHeaderValue");
});

test("a list that says only a part is completed", async () => {
  const directory = filesystem.getDirectoryClient("completed");
  await directory.create();
  await directory.setAccessControl(BASE);
  await directory.setAccessControl([entry("user", "bob", "rx", true)]);
  const { acl } = await directory.getAccessControl();
  const told = acl.map((one) => `${one.defaultScope ? "default:" : ""}${one.accessControlType}:${one.entityId}`);
  assert.deepEqual(told, ["user:", "group:", "other:", "default:user:", "default:user:bob", "default:group:",
    "default:mask:", "default:other:"]);
});

test("a file is listed as itself", async () => {
  await write("itself/file");
  const found = [];
  for await (const item of filesystem.listPaths({ path: "itself/file" })) found.push([item.name, item.contentLength]);
  assert.deepEqual(found, [["itself/file", 10]]);
});

test("new files and directories inherit the default entries of theirs", async () => {
  const directory = filesystem.getDirectoryClient("inherit");
  await directory.create();
  const defaults = BASE.map((one) => ({ ...one, defaultScope: true }));
  await directory.setAccessControl([...BASE, ...defaults, entry("user", "bob", "rx", true)]);
  const file = await write("inherit/file");
  assert.deepEqual(await named(file), [["bob", false]]);
  const below = directory.getSubdirectoryClient("below");
  await below.create();
  assert.deepEqual(await named(below), [["bob", false], ["bob", true]]);
});

test("a tree's lists are set, updated and cleaned in batches, with progress", async () => {
  for (const name of ["a", "b/c", "b/d e", "f"]) await write(`tree/${name}`);
  const tree = filesystem.getDirectoryClient("tree");
  const total = (counters) => counters.changedDirectoriesCount + counters.changedFilesCount;
  for (const batchSize of [1, 2, 2000]) {
    const progress = [];
    const { counters } = await tree.updateAccessControlRecursive(
      [entry("user", `u${batchSize}`, "r")], { batchSize, onProgress: (one) => progress.push(total(one.batchCounters)) });
    assert.deepEqual([counters.changedDirectoriesCount, counters.changedFilesCount, counters.failedChangesCount],
      [2, 4, 0]);
    assert.ok(progress.every((count) => count <= batchSize));
  }
  assert.equal((await named(filesystem.getFileClient("tree/b/d e"))).length, 3);
  const half = await tree.updateAccessControlRecursive([entry("user", "late", "r")], { batchSize: 2, maxBatches: 2 });
  assert.equal(total(half.counters), 4);
  const rest = await tree.updateAccessControlRecursive([entry("user", "late", "r")],
    { continuationToken: half.continuationToken });
  assert.equal(total(rest.counters), 2);
  await tree.removeAccessControlRecursive([{ accessControlType: "user", entityId: "late", defaultScope: false }]);
  await tree.setAccessControlRecursive(BASE);
  assert.deepEqual(await named(filesystem.getFileClient("tree/f")), []);
});

test("a tree's change goes on behind what it cannot change, if it is told to", async () => {
  await write("full/a");
  const many = Array.from({ length: 28 }, (_, i) => entry("user", `u${i}`, "r"));
  await filesystem.getFileClient("full/a").setAccessControl([...BASE, ...many]);
  await write("full/b");
  const tree = filesystem.getDirectoryClient("full");
  const failed = [];
  const { counters } = await tree.updateAccessControlRecursive([entry("user", "new", "r")],
    { continueOnFailure: true, onProgress: (one) => failed.push(...one.batchFailures) });
  assert.deepEqual([counters.changedFilesCount, counters.failedChangesCount], [1, 1]);
  assert.deepEqual(failed.map((one) => [one.name, one.isDirectory]), [["full/a", false]]);
});

test("appends and flushes acquire, renew and release a lease as they go", async () => {
  const file = filesystem.getFileClient("leased.log");
  await file.create();
  await file.append("one ", 0, 4, { leaseAction: "acquire", proposedLeaseId: ONE, leaseDurationInSeconds: 15 });
  assert.equal((await file.getProperties()).leaseState, "leased");
  await refused(file.append("x", 4, 1), 412, "LeaseIdMissing");
  await refused(file.append("x", 4, 1, { conditions: { leaseId: OTHER } }), 412, "LeaseIdMismatch");
  await file.append("two", 4, 3, { leaseAction: "auto-renew", conditions: { leaseId: ONE } });
  await file.flush(7, { leaseAction: "release", conditions: { leaseId: ONE }, close: true });
  assert.equal((await file.getProperties()).leaseState, "available");
  assert.equal(await content(file), "one two");
});

test("a lease stands in the way of rename and delete, and not of another's creation", async () => {
  const file = await write("lease/file");
  await file.getDataLakeLeaseClient(ONE).acquireLease(-1);
  await refused(file.move("lease/moved"), 412, "LeaseIdMissing");
  await refused(file.delete(), 412, "LeaseIdMissing");
  await refused(file.setPermissions({ owner: {}, group: {}, other: {} }), 412, "LeaseIdMissing");
  await file.move("lease/moved", { conditions: { leaseId: ONE } });
  const moved = filesystem.getFileClient("lease/moved");
  assert.equal((await moved.getProperties()).leaseState, "leased");
  await moved.delete(false, { conditions: { leaseId: ONE } });
  const born = filesystem.getFileClient("lease/born");
  await born.create({ proposedLeaseId: OTHER, leaseDuration: 15 });
  assert.equal((await born.getProperties()).leaseDuration, "fixed");
});

test("conditions are kept by deletes, renames and changes of access", async () => {
  const file = await write("conditions/file");
  const { etag } = await file.getProperties();
  const stale = { conditions: { ifMatch: '"0x1"' } };
  await refused(file.delete(false, stale), 412, "ConditionNotMet");
  await refused(file.setPermissions({ owner: {}, group: {}, other: {} }, stale), 412, "ConditionNotMet");
  await refused(file.setMetadata({}, stale), 412, "ConditionNotMet");
  await refused(file.getAccessControl(stale), 412);
  await write("conditions/taken");
  await refused(file.move("conditions/taken", { destinationConditions: { ifNoneMatch: "*" } }), 409,
    "PathAlreadyExists");
  await refused(file.move("conditions/taken", { destinationConditions: { ifMatch: '"0x1"' } }), 412, "ConditionNotMet");
  await file.move("conditions/moved", { conditions: { ifMatch: etag } });
  await filesystem.getFileClient("conditions/moved").delete(false, { conditions: { ifMatch: etag } });
});

// The client of whoever holds a SAS for `options`.
function holder(options) {
  const query = generateDataLakeSASQueryParameters(
    { fileSystemName: "rules", expiresOn: minutesFromNow(5), ...options }, credential).toString();
  return new DataLakeServiceClient(`${service.url}?${query}`, undefined, ONE_TRY).getFileSystemClient("rules");
}

test("a directory's SAS reaches all that is below it, and nothing beside it", async () => {
  for (const path of ["sas/in/deep/file", "sas/in/file", "sas/in2/file", "sas/file"]) await write(path, path);
  const below = holder({
    pathName: "sas/in", isDirectory: true, directoryDepth: 2, permissions: DirectorySASPermissions.parse("rlwcdm"),
  });
  assert.equal(await content(below.getFileClient("sas/in/deep/file")), "sas/in/deep/file");
  await below.getFileClient("sas/in/new").upload(Buffer.from("x"));
  const names = [];
  for await (const item of below.listPaths({ path: "sas/in" })) names.push(item.name);
  assert.deepEqual(names, ["sas/in/deep", "sas/in/file", "sas/in/new"]);
  await below.getFileClient("sas/in/new").delete();
  for (const path of ["sas/in2/file", "sas/file"]) {
    await refused(content(below.getFileClient(path)), 403, "AuthenticationFailed");
  }
  await refused(below.listPaths({ path: "sas" }).next(), 403, "AuthenticationFailed");
});

test("a file's SAS reaches that file, and an account's SAS every filesystem", async () => {
  await write("sas/one file +%.txt", "shared");
  const reader = holder({ pathName: "sas/one file +%.txt", permissions: DataLakeSASPermissions.parse("r") });
  assert.equal(await content(reader.getFileClient("sas/one file +%.txt")), "shared");
  await refused(reader.getFileClient("sas/one file +%.txt").delete(), 403, "AuthorizationPermissionMismatch");
  await refused(content(reader.getFileClient("sas/file")), 403, "AuthenticationFailed");
  const url = service.generateAccountSasUrl(minutesFromNow(5), AccountSASPermissions.parse("rl"), "co");
  const client = new DataLakeServiceClient(url, undefined, ONE_TRY).getFileSystemClient("rules");
  const names = [];
  for await (const item of client.listPaths({ path: "sas/in2" })) names.push(item.name);
  assert.deepEqual(names, ["sas/in2/file"]);
  await refused(client.getFileClient("sas/file").create(), 403, "AuthorizationPermissionMismatch");
});

test("ranges: last byte, beyond it, and files without any", async () => {
  const file = await write("range/file");
  assert.equal(await content(file, 9, 1), "9");
  assert.equal(await content(file, 9, 100), "9");
  assert.equal(await content(file, 0, 10), "0123456789");
  await refused(file.read(10, 1), 416, "InvalidRange");
  const empty = filesystem.getFileClient("range/empty");
  await empty.create();
  assert.equal(await content(empty), "");
  await refused(empty.read(0, 1), 416, "InvalidRange");
  await empty.upload(Buffer.alloc(0));
  assert.equal((await empty.getProperties()).contentLength, 0);
});

test("pages of every size hold every path once, whatever is in its name", async () => {
  const files = AWKWARD_NAMES.flatMap((name) => [`paging/${name}`, `paging/${name}/${name}`]);
  for (const name of AWKWARD_NAMES) await write(`paging/${name}/${name}`, name);
  for (const maxPageSize of [1, 2, 3, files.length, 5000]) {
    const found = [];
    const listing = filesystem.listPaths({ path: "paging", recursive: true });
    for await (const page of listing.byPage({ maxPageSize })) {
      assert.ok(page.pathItems.length <= maxPageSize);
      found.push(...page.pathItems.map((item) => item.name));
    }
    assert.deepEqual(found.sort(), [...files].sort(), `in pages of ${maxPageSize}`);
  }
  for (const name of AWKWARD_NAMES) {
    const found = [];
    for await (const item of filesystem.listPaths({ path: `paging/${name}` })) found.push(item.name);
    assert.deepEqual(found, [`paging/${name}/${name}`]);
  }
  const all = (await filesystem.listPaths({ path: "paging", recursive: true }).byPage({ maxPageSize: 5001 }).next()).value;
  assert.equal(all.pathItems.length, files.length, "more than 5,000 are cut to as many");
  await refused(filesystem.listPaths().byPage({ continuationToken: "made up" }).next(), 400);
});
