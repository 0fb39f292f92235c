// Microsoft's own Blob client, unchanged, against the local cloud: a full life of containers and blobs, in an account
// without a hierarchical namespace and, where they differ, in one with it.
// Usage: node azure_blob.mjs PATH_OF_LOCALCLOUD
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";

import {
  AccountSASPermissions,
  AccountSASResourceTypes,
  AccountSASServices,
  BlobSASPermissions,
  BlobServiceClient,
  StorageSharedKeyCredential,
  generateAccountSASQueryParameters,
} from "@azure/storage-blob";

import { readAll, startLocalCloud } from "./local_cloud.mjs";

const MIB = 1024 * 1024;
const ONE_TRY = { retryOptions: { maxTries: 1 } };

let cloud;
let credential;
let service; // flat
let container;
let lake; // a container of the hierarchical account

const md5 = (bytes) => createHash("md5").update(bytes).digest();

async function refused(promise, statusCode, code) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, statusCode, error.message);
    if (code !== undefined) assert.equal(error.code ?? error.details?.errorCode, code);
    return true;
  });
}

async function put(name, bytes, options, where = container) {
  const blob = where.getBlockBlobClient(name);
  await blob.upload(bytes, Buffer.byteLength(bytes), options);
  return blob;
}

async function content(blob, offset, count, options) {
  return readAll((await blob.download(offset, count, options)).readableStreamBody);
}

const blockId = (number) => Buffer.from(`block-${String(number).padStart(6, "0")}`).toString("base64");

before(async () => {
  cloud = await startLocalCloud(process.argv[2], "--azure-filesystem", "mixed");
  const clientOf = (account) =>
    new BlobServiceClient(account.url, new StorageSharedKeyCredential(account.name, account.key), ONE_TRY);
  const flat = cloud.ready.azure.accounts.find((one) => !one.hierarchical);
  credential = new StorageSharedKeyCredential(flat.name, flat.key);
  service = clientOf(flat);
  container = service.getContainerClient("conformance");
  lake = clientOf(cloud.ready.azure.accounts.find((one) => one.hierarchical)).getContainerClient("mixed");
});

after(async () => cloud.stop());

test("a container is created once, listed and described", async () => {
  const created = await container.create({ metadata: { purpose: "test" } });
  assert.match(created.etag, /^"0x[0-9A-F]+"$/);
  await refused(container.create(), 409, "ContainerAlreadyExists");
  assert.deepEqual((await container.getProperties()).metadata, { purpose: "test" });
  await refused(service.getContainerClient("ab").create(), 400, "OutOfRangeInput");
  await refused(service.getContainerClient("Upper-case").create(), 400, "InvalidResourceName");
  const listed = [];
  for await (const item of service.listContainers({ includeMetadata: true })) listed.push([item.name, item.metadata]);
  assert.deepEqual(listed, [["conformance", { purpose: "test" }]]);
  await refused(service.getContainerClient("missing").getProperties(), 404, "ContainerNotFound");
});

test("the account tells what it is", async () => {
  assert.equal((await service.getAccountInfo()).isHierarchicalNamespaceEnabled, false);
});

test("a blob comes back byte for byte, with its digest, headers and metadata", async () => {
  const bytes = randomBytes(100_000);
  const blob = container.getBlockBlobClient("dir one/a+b%25,c.bin");
  const uploaded = await blob.upload(bytes, bytes.length, {
    metadata: { mtime: "2026-01-05T10:20:30.000000000Z", a_b: "1", a1: "2" },
    blobHTTPHeaders: { blobContentType: "text/x-test", blobCacheControl: "no-cache", blobContentLanguage: "en" },
  });
  assert.ok(md5(bytes).equals(Buffer.from(uploaded.contentMD5)));
  assert.ok(bytes.equals(await content(blob)));
  const properties = await blob.getProperties();
  assert.equal(properties.contentLength, bytes.length);
  assert.equal(properties.contentType, "text/x-test");
  assert.equal(properties.cacheControl, "no-cache");
  assert.equal(properties.contentLanguage, "en");
  assert.equal(properties.blobType, "BlockBlob");
  assert.equal(properties.accessTier, "Hot");
  assert.ok(md5(bytes).equals(Buffer.from(properties.contentMD5)));
  assert.deepEqual(properties.metadata, { mtime: "2026-01-05T10:20:30.000000000Z", a_b: "1", a1: "2" });
  assert.equal(properties.etag, uploaded.etag);
});

test("ranges: middle, cut at the end, beyond the end, with a digest", async () => {
  const blob = await put("range", "0123456789");
  assert.equal((await content(blob, 2, 3)).toString(), "234");
  assert.equal((await content(blob, 8, 100)).toString(), "89");
  assert.equal((await content(blob, 4)).toString(), "456789");
  await refused(blob.download(10, 1), 416, "InvalidRange");
  const digested = await blob.download(2, 3, { rangeGetContentMD5: true });
  assert.ok(md5("234").equals(Buffer.from(digested.contentMD5)));
  assert.ok(md5("0123456789").equals(Buffer.from(digested.blobContentMD5)));
  const empty = await put("empty", "");
  await refused(empty.download(0, 1), 416, "InvalidRange");
  assert.equal((await content(empty)).length, 0);
});

test("a stream goes up in blocks and comes back in parallel", async () => {
  const bytes = randomBytes(9 * MIB + 17);
  const blob = container.getBlockBlobClient("streamed");
  await blob.uploadStream(Readable.from([bytes.subarray(0, 5 * MIB), bytes.subarray(5 * MIB)]), MIB, 4);
  const back = await blob.downloadToBuffer(0, undefined, { blockSize: 2 * MIB, concurrency: 4 });
  assert.ok(bytes.equals(back));
  const list = await blob.getBlockList("all");
  assert.equal(list.committedBlocks.length, 10);
  assert.equal(list.uncommittedBlocks?.length ?? 0, 0);
  assert.equal((await blob.getProperties()).contentMD5, undefined, "block lists store no digest by themselves");
});

test("blocks are invisible until their list is put, and are taken in its order", async () => {
  const blob = container.getBlockBlobClient("blocks");
  await blob.stageBlock(blockId(1), "one ", 4);
  await blob.stageBlock(blockId(2), "two ", 4, { transactionalContentMD5: md5("two ") });
  await refused(blob.stageBlock(blockId(3), "bad", 3, { transactionalContentMD5: md5("other") }), 400, "Md5Mismatch");
  await refused(blob.stageBlock(Buffer.from("short").toString("base64"), "x", 1), 400, "InvalidBlobOrBlock");
  assert.equal(await blob.exists(), false);
  await refused(blob.commitBlockList([blockId(9)]), 400, "InvalidBlockList");
  await blob.commitBlockList([blockId(2), blockId(1)], { metadata: { k: "v" } });
  assert.equal((await content(blob)).toString(), "two one ");
  await blob.stageBlock(blockId(4), "four", 4);
  await blob.commitBlockList([blockId(1), blockId(4)]);
  assert.equal((await content(blob)).toString(), "one four");
  assert.deepEqual((await blob.getProperties()).metadata, {});
});

test("conditions are kept", async () => {
  const blob = await put("conditions", "1");
  const { etag } = await blob.getProperties();
  await refused(put("conditions", "2", { conditions: { ifNoneMatch: "*" } }), 409, "BlobAlreadyExists");
  await refused(put("conditions", "2", { conditions: { ifMatch: '"0x1"' } }), 412, "ConditionNotMet");
  await refused(blob.download(0, 1, { conditions: { ifMatch: '"0x1"' } }), 412, "ConditionNotMet");
  await refused(blob.download(0, 1, { conditions: { ifNoneMatch: etag } }), 304);
  await put("conditions", "2", { conditions: { ifMatch: etag } });
  assert.equal((await content(blob)).toString(), "2");
  await refused(blob.getProperties({ conditions: { ifUnmodifiedSince: new Date(0) } }), 412);
});

test("listings: flat, by hierarchy, in pages, with metadata", async () => {
  const names = ["t/a", "t/b/1", "t/b/2", "t/c/d/3", "t/z"];
  for (const name of names) await put(name, name, { metadata: { name: name.replaceAll("/", "_") } });
  const flat = [];
  for await (const item of container.listBlobsFlat({ prefix: "t/", includeMetadata: true })) {
    flat.push(item.name);
    assert.equal(item.metadata.name, item.name.replaceAll("/", "_"));
    assert.equal(item.properties.contentLength, item.name.length);
    assert.match(item.properties.etag, /^0x[0-9A-F]+$/);
    assert.ok(md5(item.name).equals(Buffer.from(item.properties.contentMD5)));
  }
  assert.deepEqual(flat, names);
  const level = [];
  for await (const item of container.listBlobsByHierarchy("/", { prefix: "t/" })) level.push([item.kind, item.name]);
  assert.deepEqual(level, [["prefix", "t/b/"], ["prefix", "t/c/"], ["blob", "t/a"], ["blob", "t/z"]],
    "this client tells a page's prefixes first");
  for (const size of [1, 2, 3]) {
    const paged = [];
    for await (const page of container.listBlobsFlat({ prefix: "t/" }).byPage({ maxPageSize: size })) {
      assert.ok(page.segment.blobItems.length <= size);
      paged.push(...page.segment.blobItems.map((item) => item.name));
    }
    assert.deepEqual(paged, names);
    const levels = [];
    for await (const page of container.listBlobsByHierarchy("/", { prefix: "t/" }).byPage({ maxPageSize: size })) {
      levels.push(...(page.segment.blobPrefixes ?? []).map((item) => item.name));
      levels.push(...page.segment.blobItems.map((item) => item.name));
    }
    assert.deepEqual(levels.sort(), ["t/a", "t/b/", "t/c/", "t/z"]);
  }
});

test("names that XML cannot hold, and those it must escape, are listed as they are", async () => {
  const odd = ["o/<&>'\".txt", "o/ünï ☂", "o/a\uFFFFb"].sort();
  for (const name of odd) await put(name, "x");
  const found = [];
  for await (const item of container.listBlobsFlat({ prefix: "o/" })) found.push(item.name);
  assert.deepEqual(found.sort(), odd);
});

test("metadata and headers: each call replaces all, and changes the ETag", async () => {
  const blob = await put("meta", "x", { metadata: { one: "1" } });
  const first = (await blob.getProperties()).etag;
  const second = (await blob.setMetadata({ two: "2" })).etag;
  assert.notEqual(second, first);
  assert.deepEqual((await blob.getProperties()).metadata, { two: "2" });
  await blob.setHTTPHeaders({ blobContentType: "text/plain" });
  const properties = await blob.getProperties();
  assert.equal(properties.contentType, "text/plain");
  assert.equal(properties.contentMD5, undefined, "a header that is left out is cleared");
});

test("a copy has bytes, headers and metadata, unless others are given", async () => {
  const source = await put("from", "copied", { metadata: { k: "v" }, blobHTTPHeaders: { blobContentType: "a/b" } });
  const copy = container.getBlockBlobClient("to");
  const poller = await copy.beginCopyFromURL(source.url);
  assert.equal((await poller.pollUntilDone()).copyStatus, "success");
  assert.equal((await content(copy)).toString(), "copied");
  const properties = await copy.getProperties();
  assert.deepEqual(properties.metadata, { k: "v" });
  assert.equal(properties.contentType, "a/b");
  assert.equal(properties.copyStatus, "success");
  await (await copy.beginCopyFromURL(source.url, { metadata: { other: "x" } })).pollUntilDone();
  assert.deepEqual((await copy.getProperties()).metadata, { other: "x" });
  await refused(copy.syncUploadFromURL(container.getBlobClient("nowhere").url), 404);
});

test("a lease keeps other writers out, in all its states", async () => {
  const blob = await put("lease", "x");
  const lease = blob.getBlobLeaseClient();
  const { leaseId } = await lease.acquireLease(-1);
  await refused(blob.delete(), 412, "LeaseIdMissing");
  await refused(put("lease", "y"), 412, "LeaseIdMissing");
  await refused(blob.setMetadata({}, { conditions: { leaseId: "00000000-0000-4000-8000-000000000000" } }), 412,
    "LeaseIdMismatchWithBlobOperation");
  await put("lease", "y", { conditions: { leaseId } });
  await refused(blob.getBlobLeaseClient().acquireLease(15), 409, "LeaseAlreadyPresent");
  const properties = await blob.getProperties();
  assert.deepEqual([properties.leaseState, properties.leaseStatus, properties.leaseDuration],
    ["leased", "locked", "infinite"]);
  await lease.breakLease(0);
  assert.equal((await blob.getProperties()).leaseState, "broken");
  await refused(lease.renewLease(), 409, "LeaseIsBrokenAndCannotBeRenewed");
  await blob.delete();
  await refused(blob.delete(), 404, "BlobNotFound");
});

test("a batch deletes each of its blobs, and says which were not there", async () => {
  const blobs = [];
  for (const name of ["x/1", "x/2", "x/3"]) blobs.push(await put(name, name));
  blobs.push(container.getBlockBlobClient("x/none"));
  const batch = await service.getBlobBatchClient().deleteBlobs(blobs.map((blob) => blob.url), credential);
  assert.deepEqual(batch.subResponses.map((part) => part.status), [202, 202, 202, 404]);
  assert.equal(batch.subResponsesFailedCount, 1);
  assert.equal(await blobs[0].exists(), false);
});

test("SAS: of the account and of one blob, within their permissions", async () => {
  const blob = await put("sas", "shared");
  const expiresOn = new Date(Date.now() + 60_000);
  const query = generateAccountSASQueryParameters({
    expiresOn,
    permissions: AccountSASPermissions.parse("r"),
    resourceTypes: AccountSASResourceTypes.parse("o").toString(),
    services: AccountSASServices.parse("b").toString(),
  }, credential).toString();
  const reader = new BlobServiceClient(`${service.url}?${query}`, undefined, ONE_TRY).getContainerClient("conformance");
  assert.equal((await content(reader.getBlobClient("sas"))).toString(), "shared");
  await refused(reader.getBlobClient("sas").delete(), 403, "AuthorizationPermissionMismatch");
  await refused(reader.listBlobsFlat().next(), 403, "AuthorizationResourceTypeMismatch");
  const url = await blob.generateSasUrl({ expiresOn, permissions: BlobSASPermissions.parse("r") });
  assert.equal(await (await fetch(url)).text(), "shared");
  assert.equal((await fetch(url.replace("/sas?", "/meta?"))).status, 403);
  assert.equal((await fetch(url, { method: "DELETE" })).status, 403);
  assert.equal((await fetch(blob.url)).status, 401);
});

test("an account with directories lists them as such", async () => {
  await put("d/sub/file", "x", { metadata: { k: "v" } }, lake);
  const flat = [];
  for await (const item of lake.listBlobsFlat({ includeMetadata: true })) {
    flat.push([item.name, item.properties.ResourceType ?? item.properties.resourceType, item.metadata]);
  }
  assert.deepEqual(flat.map(([name]) => name), ["d", "d/sub", "d/sub/file"]);
  assert.equal(flat[0][2].hdi_isfolder, "true");
  assert.deepEqual(flat[2][2], { k: "v" });
  const level = [];
  for await (const item of lake.listBlobsByHierarchy("/", { prefix: "d/" })) level.push([item.kind, item.name]);
  assert.deepEqual(level, [["prefix", "d/sub/"]]);
  const directory = await lake.getBlobClient("d/sub").getProperties();
  assert.equal(directory.metadata.hdi_isfolder, "true");
  assert.equal(directory.contentLength, 0);
  await refused(lake.getBlobClient("d").delete(), 409, "DirectoryIsNotEmpty");
});

test("a marker makes a directory where directories are real, and a blob where they are not", async () => {
  const metadata = { hdi_isfolder: "true", k: "v" };
  await put("made/by/marker", "", { metadata }, lake);
  const made = await lake.getBlobClient("made/by/marker").getProperties();
  assert.deepEqual(made.metadata, metadata);
  const level = [];
  for await (const item of lake.listBlobsByHierarchy("/", { prefix: "made/by/" })) level.push([item.kind, item.name]);
  assert.deepEqual(level, [["prefix", "made/by/marker/"]]);
  await put("made/by/marker/file", "x", {}, lake);
  await refused(put("made/by/marker/file", "x", { metadata: { hdi_isfolder: "false" } }, lake), 400, "InvalidMetadata");
  const marker = await put("marker", "bytes", { metadata });
  assert.equal((await content(marker)).toString(), "bytes");
});

test("a container goes with all that is in it", async () => {
  await container.delete();
  assert.equal(await container.exists(), false);
  await refused(put("late", "x"), 404, "ContainerNotFound");
});
