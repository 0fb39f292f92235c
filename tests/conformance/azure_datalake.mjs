// Microsoft's own Data Lake client, unchanged, against the local cloud: a full life of filesystems, directories and files
// of an account with a hierarchical namespace.
// Usage: node azure_datalake.mjs PATH_OF_LOCALCLOUD
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";

import {
  DataLakeSASPermissions,
  DataLakeServiceClient,
  StorageSharedKeyCredential,
  generateDataLakeSASQueryParameters,
} from "@azure/storage-file-datalake";

import { readAll, startLocalCloud } from "./local_cloud.mjs";

const MIB = 1024 * 1024;

let cloud;
let credential;
let service;
let filesystem;

async function refused(promise, statusCode, code) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, statusCode, error.message);
    if (code !== undefined) assert.equal(error.code ?? error.details?.errorCode, code);
    return true;
  });
}

async function write(path, bytes, options = {}) {
  const file = filesystem.getFileClient(path);
  await file.upload(Buffer.from(bytes), options);
  return file;
}

async function content(file, offset, count) {
  return readAll((await file.read(offset, count)).readableStreamBody);
}

async function names(options) {
  const found = [];
  for await (const path of filesystem.listPaths(options)) found.push(path.name);
  return found;
}

before(async () => {
  cloud = await startLocalCloud(process.argv[2]);
  const account = cloud.ready.azure.accounts.find((one) => one.hierarchical);
  credential = new StorageSharedKeyCredential(account.name, account.key);
  service = new DataLakeServiceClient(account.url, credential, { retryOptions: { maxTries: 1 } });
  filesystem = service.getFileSystemClient("conformance");
});

after(async () => cloud.stop());

test("a filesystem is created once, listed, described and found to exist", async () => {
  assert.equal(await filesystem.exists(), false);
  const created = await filesystem.create({ metadata: { purpose: "test" } });
  assert.match(created.etag, /^"0x[0-9A-F]+"$/);
  await refused(filesystem.create(), 409, "ContainerAlreadyExists");
  assert.equal(await filesystem.exists(), true);
  const properties = await filesystem.getProperties();
  assert.deepEqual(properties.metadata, { purpose: "test" });
  await filesystem.setMetadata({ purpose: "changed" });
  assert.deepEqual((await filesystem.getProperties()).metadata, { purpose: "changed" });
  const listed = [];
  for await (const item of service.listFileSystems()) listed.push(item.name);
  assert.deepEqual(listed, ["conformance"]);
});

test("a small file comes back byte for byte, with its headers and metadata", async () => {
  const bytes = randomBytes(1000);
  const file = await write("small/a file+1%.bin", bytes, {
    metadata: { mtime: "2026-01-05T10:20:30.123456789Z", modtime: "1767608430123456789" },
    pathHttpHeaders: { contentType: "text/x-test", cacheControl: "no-cache" },
  });
  assert.ok(bytes.equals(await content(file)));
  const properties = await file.getProperties();
  assert.equal(properties.contentLength, 1000);
  assert.equal(properties.contentType, "text/x-test");
  assert.equal(properties.cacheControl, "no-cache");
  assert.equal(properties.metadata.mtime, "2026-01-05T10:20:30.123456789Z");
  assert.equal(properties.metadata.modtime, "1767608430123456789");
  assert.equal(properties.owner, "$superuser");
});

test("a large file goes up in parallel appends that arrive out of order", async () => {
  const bytes = randomBytes(9 * MIB + 123);
  const file = await write("large.bin", bytes, { singleUploadThreshold: MIB, chunkSize: MIB, maxConcurrency: 8 });
  const back = await file.readToBuffer(undefined, undefined, { chunkSize: 2 * MIB, concurrency: 4 });
  assert.ok(bytes.equals(back));
  assert.ok(bytes.subarray(5 * MIB - 7, 5 * MIB + 7).equals(await content(file, 5 * MIB - 7, 14)));
});

test("appended bytes are invisible until flushed, and may be sent again", async () => {
  const file = filesystem.getFileClient("appended.txt");
  await file.create();
  await file.append("hello ", 0, 6);
  await file.append("HELLO ", 0, 6);
  await file.append("world", 6, 5);
  assert.equal((await file.getProperties()).contentLength, 0);
  await refused(file.flush(10), 400, "InvalidFlushPosition");
  const flushed = await file.flush(11, { close: true });
  assert.match(flushed.etag, /^"0x[0-9A-F]+"$/);
  assert.equal((await content(file)).toString(), "HELLO world");
  await file.append("!", 11, 1);
  await file.flush(12);
  assert.equal((await content(file)).toString(), "HELLO world!");
});

test("conditions are kept: exclusive creation, stale flush, stale read", async () => {
  const file = filesystem.getFileClient("conditions.txt");
  const first = await file.create({ conditions: { ifNoneMatch: "*" } });
  await refused(file.create({ conditions: { ifNoneMatch: "*" } }), 409, "PathAlreadyExists");
  assert.equal((await file.createIfNotExists()).succeeded, false);
  await file.append("x", 0, 1);
  await refused(file.flush(1, { conditions: { ifMatch: '"0x1"' } }), 412, "ConditionNotMet");
  const second = await file.flush(1, { conditions: { ifMatch: first.etag } });
  assert.notEqual(second.etag, first.etag);
  await refused(file.read(0, 1, { conditions: { ifMatch: first.etag } }), 412, "ConditionNotMet");
  assert.equal((await file.read(0, 1, { conditions: { ifMatch: second.etag } }))._response.status, 206);
  await refused(file.getProperties({ conditions: { ifNoneMatch: second.etag } }), 304);
});

test("a range beyond the end is refused, one over the end is cut", async () => {
  const file = await write("range.txt", "0123456789");
  assert.equal((await content(file, 8, 100)).toString(), "89");
  await refused(file.read(10, 1), 416, "InvalidRange");
});

test("listings page, recurse and stay in one directory", async () => {
  for (const name of ["l/a.txt", "l/sub/b.txt", "l/sub/deep/c.txt", "l/z.txt"]) await write(name, name);
  assert.deepEqual(await names({ path: "l" }), ["l/a.txt", "l/sub", "l/z.txt"]);
  const all = ["l/a.txt", "l/sub", "l/sub/b.txt", "l/sub/deep", "l/sub/deep/c.txt", "l/z.txt"];
  assert.deepEqual(await names({ path: "l", recursive: true }), all);
  const pages = [];
  for await (const page of filesystem.listPaths({ path: "l", recursive: true }).byPage({ maxPageSize: 2 })) {
    pages.push(page.pathItems.map((item) => item.name));
  }
  assert.deepEqual(pages, [all.slice(0, 2), all.slice(2, 4), all.slice(4)]);
  await refused(names({ path: "missing" }), 404, "PathNotFound");
  for await (const item of filesystem.listPaths({ path: "l" })) {
    assert.equal(item.isDirectory, item.name === "l/sub");
    assert.equal(item.contentLength, item.name === "l/sub" ? 0 : 7);
    assert.match(item.etag, /^0x[0-9A-F]+$/);
    assert.ok(Date.now() - item.lastModified.getTime() < 60_000);
    assert.equal(item.owner, "$superuser");
    assert.equal(item.permissions.owner.read, true);
    assert.equal(item.permissions.other.read, false);
  }
});

test("a rename keeps ETag and bytes, and honours what is at the destination", async () => {
  const file = await write("r/from.txt", "moved");
  const before = await file.getProperties();
  await filesystem.getDirectoryClient("r/to").create();
  const moved = (await file.move("r/to/there.txt")).etag;
  const there = filesystem.getFileClient("r/to/there.txt");
  const properties = await there.getProperties();
  assert.equal(properties.etag, before.etag);
  assert.equal(moved, before.etag);
  assert.equal((await content(there)).toString(), "moved");
  assert.equal(await file.exists(), false);
  await refused(file.move("r/elsewhere.txt"), 404, "SourcePathNotFound");
  await refused(there.move("none/such.txt"), 404, "RenameDestinationParentPathNotFound");
  const other = await write("r/other.txt", "in the way");
  await refused(
    there.move("r/other.txt", { destinationConditions: { ifNoneMatch: "*" } }), 409, "PathAlreadyExists");
  await refused(there.move("r/other.txt", { conditions: { ifMatch: '"0x1"' } }), 412, "SourceConditionNotMet");
  await filesystem.getFileClient("r/to/there.txt").move("r/other.txt");
  assert.equal((await content(other)).toString(), "moved");
});

test("a directory is renamed with all that is in it", async () => {
  await write("d/one/deep/file.txt", "deep");
  const directory = filesystem.getDirectoryClient("d/one");
  await directory.move("d/two");
  assert.deepEqual(await names({ path: "d", recursive: true }), ["d/two", "d/two/deep", "d/two/deep/file.txt"]);
  await filesystem.getDirectoryClient("d/full").create();
  await write("d/full/file.txt", "x");
  await refused(filesystem.getDirectoryClient("d/two").move("d/full"), 409, "DirectoryNotEmpty");
  await refused(filesystem.getDirectoryClient("d/two").move("d/two/deep/inside"), 409, "InvalidRenameSourcePath");
  await refused(filesystem.getDirectoryClient("d/two").move("d/full/file.txt"), 409,
    "InvalidSourceOrDestinationResourceType");
});

test("access control is set and read, and leaves the ETag alone", async () => {
  const file = await write("acl.txt", "x");
  const before = (await file.getProperties()).etag;
  await file.setPermissions({
    owner: { read: true, write: true, execute: false },
    group: { read: true, write: false, execute: false },
    other: { read: false, write: false, execute: false },
    stickyBit: false,
    extendedAcls: false,
  });
  const access = await file.getAccessControl();
  assert.equal(access.permissions.group.read, true);
  assert.equal(access.permissions.group.write, false);
  assert.equal((await file.getProperties()).etag, before);
  const user = "72a3f86f-271f-439e-b031-25678907d381";
  await file.setAccessControl([...access.acl, {
    accessControlType: "user", entityId: user, defaultScope: false,
    permissions: { read: true, write: true, execute: true },
  }]);
  const extended = await file.getAccessControl();
  assert.equal(extended.permissions.extendedAcls, true);
  assert.ok(extended.acl.some((entry) => entry.entityId === user && entry.permissions.execute));
  assert.ok(extended.acl.some((entry) => entry.accessControlType === "mask"));
  const directory = filesystem.getDirectoryClient("acls");
  await directory.create();
  await write("acls/f", "x");
  const counters = (await directory.setAccessControlRecursive(access.acl)).counters;
  assert.deepEqual(
    [counters.changedDirectoriesCount, counters.changedFilesCount, counters.failedChangesCount], [1, 1, 0]);
});

test("metadata and headers are replaced, and change the ETag", async () => {
  const file = await write("meta.txt", "x", { metadata: { one: "1", two: "2" } });
  const before = await file.getProperties();
  await file.setMetadata({ three: "3" });
  const after_metadata = await file.getProperties();
  assert.deepEqual(after_metadata.metadata, { three: "3" });
  assert.notEqual(after_metadata.etag, before.etag);
  await file.setHttpHeaders({ contentType: "text/plain" });
  assert.equal((await file.getProperties()).contentType, "text/plain");
  await refused(file.setMetadata({ "not-a-name": "x" }), 400, "InvalidMetadata");
});

test("a lease keeps other writers out", async () => {
  const file = await write("lease.txt", "x");
  const lease = file.getDataLakeLeaseClient();
  const { leaseId } = await lease.acquireLease(15);
  await refused(file.setMetadata({ a: "b" }), 412, "LeaseIdMissing");
  await file.setMetadata({ a: "b" }, { conditions: { leaseId } });
  await refused(file.getDataLakeLeaseClient().acquireLease(15), 409, "LeaseAlreadyPresent");
  assert.equal((await file.getProperties()).leaseState, "leased");
  await lease.renewLease();
  await lease.releaseLease();
  await file.setMetadata({ c: "d" });
});

test("deleting obeys directories", async () => {
  await write("del/a/b.txt", "x");
  const directory = filesystem.getDirectoryClient("del");
  await refused(directory.delete(false), 409, "DirectoryNotEmpty");
  await directory.delete(true);
  assert.equal(await directory.exists(), false);
  await refused(filesystem.getFileClient("del/a/b.txt").delete(), 404, "PathNotFound");
  const file = await write("single.txt", "x");
  await file.delete();
  assert.equal((await file.deleteIfExists()).succeeded, false);
});

test("names of all kinds come back as they were", async () => {
  const odd = ["ünïcödé ☂.txt", "a b+c%20d.txt", "quote'\"<&>.txt", "comma,semi;.txt", "hash#question?.txt"];
  for (const name of odd) await write(`odd/${name}`, name);
  assert.deepEqual((await names({ path: "odd" })).sort(), odd.map((name) => `odd/${name}`).sort());
  for (const name of odd) {
    const file = filesystem.getFileClient(`odd/${name}`);
    assert.equal((await content(file)).toString(), name);
    if (/[?%]/.test(name)) continue; // this client does not encode these two in the destination of a rename
    await file.move(`odd/moved ${name}`);
    assert.equal((await content(filesystem.getFileClient(`odd/moved ${name}`))).toString(), name);
  }
});

test("a wrong key is refused", async () => {
  const wrong = new StorageSharedKeyCredential(credential.accountName, Buffer.alloc(64).toString("base64"));
  const stranger = new DataLakeServiceClient(service.url, wrong, { retryOptions: { maxTries: 1 } });
  await refused(stranger.getFileSystemClient("conformance").getFileClient("small").getProperties(), 403,
    "AuthenticationFailed");
});

test("a SAS lets in for what it says and as long as it says", async () => {
  await write("sas/file.txt", "shared");
  const sas = (permissions, expiresOn) => generateDataLakeSASQueryParameters({
    fileSystemName: "conformance", permissions: DataLakeSASPermissions.parse(permissions),
    startsOn: new Date(Date.now() - 120_000), expiresOn,
  }, credential).toString();
  const client = (query) => new DataLakeServiceClient(`${service.url}?${query}`, undefined,
    { retryOptions: { maxTries: 1 } }).getFileSystemClient("conformance").getFileClient("sas/file.txt");
  const soon = new Date(Date.now() + 60_000);
  assert.equal((await content(client(sas("r", soon)))).toString(), "shared");
  await refused(client(sas("r", soon)).setMetadata({ a: "b" }), 403, "AuthorizationPermissionMismatch");
  await refused(client(sas("rw", new Date(Date.now() - 60_000))).read(), 403, "AuthenticationFailed");
});

test("a filesystem goes with all that is in it", async () => {
  await filesystem.delete();
  assert.equal(await filesystem.exists(), false);
  await refused(filesystem.getFileClient("small/x").create(), 404, "FilesystemNotFound");
});
