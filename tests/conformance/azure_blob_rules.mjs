// Microsoft's own Blob client, unchanged, against the local cloud: what lets a request through and what stops it
// (conditions, leases, shared access signatures), and the edges of ranges and of pages.
// Usage: node azure_blob_rules.mjs PATH_OF_LOCALCLOUD
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import {
  AccountSASPermissions,
  BlobSASPermissions,
  BlobServiceClient,
  ContainerSASPermissions,
  SASProtocol,
  StorageSharedKeyCredential,
  generateBlobSASQueryParameters,
} from "@azure/storage-blob";

import { AWKWARD_NAMES, ONE_TRY, minutesFromNow, refused } from "./azure_checks.mjs";
import { readAll, startLocalCloud } from "./local_cloud.mjs";

const ONE = "11111111-1111-4111-8111-111111111111";
const OTHER = "22222222-2222-4222-8222-222222222222";

let cloud;
let credential;
let service;
let container;

async function put(name, bytes = "0123456789", options = {}) {
  const blob = container.getBlockBlobClient(name);
  await blob.upload(bytes, Buffer.byteLength(bytes), options);
  return blob;
}

async function content(blob, offset, count, options) {
  return (await readAll((await blob.download(offset, count, options)).readableStreamBody)).toString();
}

before(async () => {
  cloud = await startLocalCloud(process.argv[2], "--azure-container", "rules", "--azure-container", "other");
  const flat = cloud.ready.azure.accounts.find((one) => !one.hierarchical);
  credential = new StorageSharedKeyCredential(flat.name, flat.key);
  service = new BlobServiceClient(flat.url, credential, ONE_TRY);
  container = service.getContainerClient("rules");
});

after(async () => cloud.stop());

test("each condition stops each kind of request when it does not hold", async () => {
  const blob = await put("conditions");
  const { etag, lastModified } = await blob.getProperties();
  const long_ago = new Date(lastModified.getTime() - 3600_000);
  const requests = {
    download: (conditions) => blob.download(0, 1, { conditions }),
    getProperties: (conditions) => blob.getProperties({ conditions }),
    upload: (conditions) => blob.upload("x", 1, { conditions }),
    commit: (conditions) => blob.commitBlockList([], { conditions }),
    setMetadata: (conditions) => blob.setMetadata({}, { conditions }),
    setHTTPHeaders: (conditions) => blob.setHTTPHeaders({}, { conditions }),
    lease: (conditions) => blob.getBlobLeaseClient(ONE).acquireLease(15, { conditions }),
    delete: (conditions) => blob.delete({ conditions }),
  };
  for (const [name, request] of Object.entries(requests)) {
    const unmodified = ["download", "getProperties"].includes(name) ? 304 : 412;
    await refused(request({ ifMatch: '"0x1"' }), 412);
    await refused(request({ ifNoneMatch: etag }), unmodified);
    await refused(request({ ifUnmodifiedSince: long_ago }), 412);
    await refused(request({ ifModifiedSince: lastModified }), unmodified);
  }
  assert.equal((await blob.getProperties()).etag, etag, "nothing was changed");
  for (const conditions of [{ ifMatch: etag }, { ifMatch: "*" }, { ifNoneMatch: '"0x1"' },
    { ifModifiedSince: long_ago }, { ifUnmodifiedSince: lastModified }]) {
    await requests.getProperties(conditions);
    assert.equal(await content(blob, 9, 1, { conditions }), "9");
  }
});

test("creation is exclusive when it asks to be, however it is done", async () => {
  const conditions = { ifNoneMatch: "*" };
  const source = await put("exclusive-source");
  const blob = await put("exclusive", "first", { conditions });
  await refused(put("exclusive", "second", { conditions }), 409, "BlobAlreadyExists");
  await refused(blob.commitBlockList([], { conditions }), 409, "BlobAlreadyExists");
  await refused(blob.syncCopyFromURL(source.url, { conditions }), 409, "BlobAlreadyExists");
  await refused(container.getBlockBlobClient("missing").upload("x", 1, { conditions: { ifMatch: "*" } }), 412);
  assert.equal(await content(blob), "first");
});

test("conditions on the source of a copy are kept", async () => {
  const source = await put("copy-source");
  const target = container.getBlockBlobClient("copy-target");
  await refused(target.syncCopyFromURL(source.url, { sourceConditions: { ifMatch: '"0x1"' } }), 412,
    "SourceConditionNotMet");
  const { etag } = await source.getProperties();
  await target.syncCopyFromURL(source.url, { sourceConditions: { ifMatch: etag } });
  assert.equal(await content(target), "0123456789");
});

test("a lease is renewed, changed, broken in its time and released", async () => {
  const blob = await put("lease");
  const state = async () => (await blob.getProperties()).leaseState;
  const lease = blob.getBlobLeaseClient(ONE);
  await refused(lease.acquireLease(14), 400, "InvalidHeaderValue");
  assert.equal((await lease.acquireLease(60)).leaseId, ONE);
  assert.equal((await blob.getProperties()).leaseDuration, "fixed");
  await lease.acquireLease(60);
  await lease.renewLease();
  await refused(blob.getBlobLeaseClient(OTHER).renewLease(), 409, "LeaseIdMismatchWithLeaseOperation");
  assert.equal((await lease.changeLease(OTHER)).leaseId, OTHER);
  await refused(blob.setMetadata({}, { conditions: { leaseId: ONE } }), 412, "LeaseIdMismatchWithBlobOperation");
  await refused(blob.download(0, 1, { conditions: { leaseId: ONE } }), 412, "LeaseIdMismatchWithBlobOperation");
  await blob.setMetadata({ k: "v" }, { conditions: { leaseId: OTHER } });
  assert.equal((await lease.breakLease(30)).leaseTime, 30);
  assert.equal(await state(), "breaking");
  await refused(blob.getBlobLeaseClient(ONE).acquireLease(15), 409, "LeaseAlreadyPresent");
  await refused(lease.changeLease(ONE), 409, "LeaseIsBreakingAndCannotBeChanged");
  await lease.releaseLease();
  assert.equal(await state(), "available");
  await refused(lease.releaseLease(), 409, "LeaseNotPresentWithLeaseOperation");
});

test("a container's lease keeps it from being deleted", async () => {
  const leased = service.getContainerClient("leased");
  await leased.create();
  const lease = leased.getBlobLeaseClient(ONE);
  await lease.acquireLease(-1);
  assert.equal((await leased.getProperties()).leaseState, "leased");
  await refused(leased.delete(), 412, "LeaseIdMissing");
  await refused(leased.delete({ conditions: { leaseId: OTHER } }), 412, "LeaseIdMismatchWithContainerOperation");
  await leased.getBlockBlobClient("x").upload("x", 1);
  await leased.delete({ conditions: { leaseId: ONE } });
});

// The client of whoever holds a SAS for `options`.
function holder(options, account = credential) {
  const query = generateBlobSASQueryParameters({ containerName: "rules", expiresOn: minutesFromNow(5), ...options },
    account).toString();
  return new BlobServiceClient(`${service.url}?${query}`, undefined, ONE_TRY).getContainerClient("rules");
}

test("a container's SAS allows what its letters say, in its container", async () => {
  await put("sas/a", "shared");
  const reader = holder({ permissions: ContainerSASPermissions.parse("rl") });
  assert.equal(await content(reader.getBlobClient("sas/a")), "shared");
  const names = [];
  for await (const item of reader.listBlobsFlat({ prefix: "sas/" })) names.push(item.name);
  assert.deepEqual(names, ["sas/a"]);
  await refused(reader.getBlockBlobClient("sas/a").upload("x", 1), 403, "AuthorizationPermissionMismatch");
  await refused(reader.getBlobClient("sas/a").delete(), 403, "AuthorizationPermissionMismatch");
  await refused(reader.delete(), 403, "AuthorizationFailure");
  const creator = holder({ permissions: ContainerSASPermissions.parse("c") });
  await creator.getBlockBlobClient("sas/new").upload("x", 1);
  const deleter = holder({ permissions: ContainerSASPermissions.parse("d") });
  await deleter.getBlobClient("sas/new").delete();
  const elsewhere = new BlobServiceClient(reader.url.replace("/rules", ""), undefined, ONE_TRY);
  await refused(elsewhere.getContainerClient("other").getBlobClient("x").download(), 403, "AuthenticationFailed");
});

test("a SAS holds in its time, for its addresses, over its protocol, as it was signed", async () => {
  await put("sas/a", "shared");
  const permissions = ContainerSASPermissions.parse("r");
  const read = (options, account) => content(holder({ permissions, ...options }, account).getBlobClient("sas/a"));
  assert.equal(await read({ startsOn: minutesFromNow(-5), ipRange: { start: "127.0.0.1" } }), "shared");
  assert.equal(await read({ ipRange: { start: "127.0.0.0", end: "127.255.255.255" } }), "shared");
  await refused(read({ expiresOn: minutesFromNow(-1) }), 403, "AuthenticationFailed");
  await refused(read({ startsOn: minutesFromNow(2) }), 403, "AuthenticationFailed");
  await refused(read({ ipRange: { start: "10.0.0.1", end: "10.0.0.9" } }), 403, "AuthorizationSourceIPMismatch");
  await refused(read({ protocol: SASProtocol.Https }), 403, "AuthorizationProtocolMismatch");
  const wrong = new StorageSharedKeyCredential(credential.accountName, Buffer.alloc(64).toString("base64"));
  await refused(read({}, wrong), 403, "AuthenticationFailed");
});

test("a blob's SAS may set the headers of its answers", async () => {
  const name = "sas/report +%.txt";
  await put(name, "shared", { blobHTTPHeaders: { blobContentType: "text/plain" } });
  const reader = holder({
    blobName: name, permissions: BlobSASPermissions.parse("r"), contentType: "text/csv",
    contentDisposition: "attachment; filename=report.csv", cacheControl: "no-store",
  });
  const answer = await reader.getBlobClient(name).download();
  assert.equal(answer.contentType, "text/csv");
  assert.equal(answer.contentDisposition, "attachment; filename=report.csv");
  assert.equal(answer.cacheControl, "no-store");
  assert.equal((await readAll(answer.readableStreamBody)).toString(), "shared");
  await refused(reader.getBlobClient("sas/a").download(), 403, "AuthenticationFailed");
  assert.equal((await container.getBlobClient(name).getProperties()).contentType, "text/plain");
});

test("an account's SAS reaches every container, for its types of resources", async () => {
  await put("sas/a", "shared");
  const url = service.generateAccountSasUrl(minutesFromNow(5), AccountSASPermissions.parse("rlc"), "sc");
  const client = new BlobServiceClient(url, undefined, ONE_TRY);
  const names = [];
  for await (const item of client.listContainers()) names.push(item.name);
  assert.deepEqual(names, ["other", "rules"]);
  await client.getContainerClient("made-by-sas").create();
  await refused(client.getContainerClient("rules").getBlobClient("sas/a").download(), 403,
    "AuthorizationResourceTypeMismatch");
  await refused(client.getContainerClient("made-by-sas").delete(), 403, "AuthorizationPermissionMismatch");
  await service.deleteContainer("made-by-sas");
});

test("the account is told on every address, to whoever holds its SAS", async () => {
  const url = service.generateAccountSasUrl(minutesFromNow(5), AccountSASPermissions.parse("l"), "o");
  const client = new BlobServiceClient(url, undefined, ONE_TRY);
  for (const one of [client, client.getContainerClient("rules"), client.getContainerClient("rules").getBlobClient("x")]) {
    assert.equal((await one.getAccountInfo()).accountKind, "StorageV2");
  }
});

// For a HEAD it is the only text that a client gets.
test("the reason phrase of a refusal is its message", async () => {
  await put("sas/a", "shared");
  const url = await container.getBlobClient("nowhere").generateSasUrl(
    { expiresOn: minutesFromNow(5), permissions: BlobSASPermissions.parse("r") });
  const missing = await fetch(url, { method: "HEAD" });
  assert.deepEqual([missing.status, missing.statusText], [404, "The specified blob does not exist."]);
  const stranger = await fetch(container.getBlobClient("sas/a").url, { method: "HEAD" });
  assert.match(stranger.statusText, /^Server failed to authenticate the request\./);
});

test("ranges: first and last byte, all but one, none at all", async () => {
  const blob = await put("range");
  assert.equal(await content(blob, 0, 1), "0");
  assert.equal(await content(blob, 9, 1), "9");
  assert.equal(await content(blob, 9), "9");
  assert.equal(await content(blob, 0, 10), "0123456789");
  assert.equal(await content(blob, 1, 1000), "123456789");
  const last = await blob.download(9, 100);
  assert.equal(last.contentLength, 1);
  assert.equal(last.contentRange, "bytes 9-9/10");
  await readAll(last.readableStreamBody);
  for (const offset of [10, 11, 2 ** 40]) await refused(blob.download(offset, 1), 416, "InvalidRange");
  const empty = await put("range-empty", "");
  assert.equal((await empty.getProperties()).contentLength, 0);
  assert.equal(await content(empty), "");
  assert.equal((await empty.downloadToBuffer()).length, 0);
  for (const offset of [0, 1]) await refused(empty.download(offset, 1), 416, "InvalidRange");
});

test("pages of every size hold every name once, whatever is in it", async () => {
  const names = AWKWARD_NAMES.map((name) => `paging/${name}`);
  for (const name of names) await put(name, name);
  for (const maxPageSize of [1, 2, 5, names.length, 5000]) {
    const found = [];
    for await (const page of container.listBlobsFlat({ prefix: "paging/" }).byPage({ maxPageSize })) {
      assert.ok(page.segment.blobItems.length <= maxPageSize);
      found.push(...page.segment.blobItems.map((item) => item.name));
    }
    assert.deepEqual(found.sort(), [...names].sort(), `in pages of ${maxPageSize}`);
  }
  for (const name of names) {
    assert.equal(await content(container.getBlockBlobClient(name)), name);
    const found = [];
    for await (const item of container.listBlobsFlat({ prefix: name })) found.push(item.name);
    assert.deepEqual(found, [name], "a prefix is taken as it is");
  }
});

test("a listing goes on where another client left off, and nowhere else", async () => {
  for (const name of ["resume/a", "resume/b+c", "resume/d&e=f", "resume/g"]) await put(name);
  const pages = container.listBlobsByHierarchy("/", { prefix: "resume/" });
  const first = (await pages.byPage({ maxPageSize: 2 }).next()).value;
  assert.deepEqual(first.segment.blobItems.map((item) => item.name), ["resume/a", "resume/b+c"]);
  await put("resume/a2");
  await container.deleteBlob("resume/b+c");
  const rest = [];
  const continuationToken = first.continuationToken;
  for await (const page of container.listBlobsByHierarchy("/", { prefix: "resume/" }).byPage({ continuationToken })) {
    rest.push(...page.segment.blobItems.map((item) => item.name));
  }
  assert.deepEqual(rest, ["resume/d&e=f", "resume/g"]);
  await refused(pages.byPage({ continuationToken: "made up" }).next(), 400);
  const empty = (await container.listBlobsFlat({ prefix: "nothing here" }).byPage().next()).value;
  assert.deepEqual([empty.segment.blobItems.length, empty.continuationToken], [0, ""]);
});
