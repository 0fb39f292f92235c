// Oracle's own Object Storage client, unchanged, against the local cloud: a full life of buckets and objects.
// Usage: node oci_objectstorage.mjs PATH_OF_LOCALCLOUD
// The client prints every failed attempt; those lines are not failures of the test.
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Readable } from "node:stream";
import { after, before, test } from "node:test";

import common from "oci-common";
import objectstorage from "oci-objectstorage";

import { readAll, startLocalCloud } from "./local_cloud.mjs";

const NAMESPACE = "localnamespace";
const BUCKET = "conformance";
const MIB = 1024 * 1024;

let cloud;
let client;

const bucketOf = (more) => ({ namespaceName: NAMESPACE, bucketName: BUCKET, ...more });
const md5 = (bytes) => createHash("md5").update(bytes).digest();

async function put(objectName, body, more = {}) {
  const bytes = Buffer.from(body);
  return client.putObject(bucketOf({ objectName, putObjectBody: bytes, contentLength: bytes.length, ...more }));
}

async function get(objectName, more = {}) {
  const response = await client.getObject(bucketOf({ objectName, ...more }));
  return { response, bytes: await readAll(response.value) };
}

async function refused(promise, statusCode, serviceCode) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, statusCode);
    if (serviceCode !== undefined) assert.equal(error.serviceCode, serviceCode);
    assert.ok(error.opcRequestId, "an error carries its request id");
    return true;
  });
}

before(async () => {
  cloud = await startLocalCloud(process.argv[2], "--oci-namespace", NAMESPACE);
  const authenticationDetailsProvider = new common.ConfigFileAuthenticationDetailsProvider(
    cloud.ready.oci.config_file,
    "DEFAULT",
  );
  client = new objectstorage.ObjectStorageClient({ authenticationDetailsProvider });
  client.endpoint = cloud.ready.oci.endpoint;
});

after(async () => {
  client.close();
  await cloud.stop();
});

test("the namespace is told", async () => {
  assert.equal((await client.getNamespace({})).value, NAMESPACE);
  const metadata = await client.getNamespaceMetadata({ namespaceName: NAMESPACE });
  assert.equal(metadata.namespaceMetadata.namespace, NAMESPACE);
});

test("a bucket is created, found, changed and listed", async () => {
  const compartmentId = cloud.ready.oci.compartment_id;
  const createBucketDetails = { name: BUCKET, compartmentId, metadata: { purpose: "test" } };
  const created = await client.createBucket({ namespaceName: NAMESPACE, createBucketDetails });
  assert.equal(created.bucket.name, BUCKET);
  assert.ok(Date.parse(created.bucket.timeCreated) > 0);
  await refused(client.createBucket({ namespaceName: NAMESPACE, createBucketDetails }), 409, "BucketAlreadyExists");

  assert.equal((await client.headBucket(bucketOf())).eTag, created.eTag);
  const got = await client.getBucket(bucketOf({ fields: ["approximateCount"] }));
  assert.deepEqual(got.bucket.metadata, { purpose: "test" });
  assert.equal(got.bucket.approximateCount, 0);

  const updated = await client.updateBucket(bucketOf({ updateBucketDetails: { objectEventsEnabled: true } }));
  assert.equal(updated.bucket.objectEventsEnabled, true);
  assert.notEqual(updated.eTag, created.eTag);

  const names = [];
  for await (const bucket of client.listAllBuckets({ namespaceName: NAMESPACE, compartmentId, limit: 1 })) {
    names.push(bucket.name);
  }
  assert.deepEqual(names, [BUCKET]);
  await refused(client.getBucket({ namespaceName: NAMESPACE, bucketName: "nowhere" }), 404, "BucketNotFound");
});

test("an object comes back as it was put", async () => {
  const body = "hello \u00e9 world";
  const name = "dir/file \u00e9+1 100%&#?.txt";
  const putResponse = await put(name, body, {
    contentType: "text/plain",
    contentMD5: md5(body).toString("base64"),
    cacheControl: "no-store",
    opcMeta: { mtime: "1354040105.123456789", mode: "0644" },
  });
  assert.match(putResponse.eTag, /^[0-9a-f-]{36}$/);
  assert.equal(putResponse.opcContentMd5, md5(body).toString("base64"));

  const { response, bytes } = await get(name);
  assert.equal(bytes.toString(), body);
  assert.equal(response.eTag, putResponse.eTag);
  assert.equal(response.contentType, "text/plain");
  assert.equal(response.contentMd5, md5(body).toString("base64"));
  assert.equal(response.cacheControl, "no-store");
  assert.equal(response.opcMeta["opc-meta-mtime"], "1354040105.123456789");
  assert.equal(response.opcMeta["opc-meta-mode"], "0644");

  const head = await client.headObject(bucketOf({ objectName: name }));
  assert.equal(head.contentLength, Buffer.byteLength(body));
  assert.equal(head.eTag, putResponse.eTag);
  // The client writes the header's time anew, before ten o'clock with one digit for the hour.
  assert.match(head.lastModified, /^\d{4}-\d{2}-\d{2}T\d{1,2}:\d{2}:\d{2}Z$/);
});

test("an empty object is an object", async () => {
  await put("empty", "");
  const { bytes } = await get("empty");
  assert.equal(bytes.length, 0);
});

test("ranges are read", async () => {
  await put("ranges", "0123456789");
  const range = async (startByte, endByte) => {
    const result = await get("ranges", { range: { startByte, endByte, getContentRangeHeaderValue() {} } });
    return result.bytes.toString();
  };
  assert.equal(await range(2, 4), "234");
  assert.equal(await range(7, 99), "789");
  assert.equal(await range(0, 0), "0");
  assert.equal(await range(9, 9), "9");
  assert.equal(await range(9, ""), "9", "'bytes=9-'");
  await refused(range(10, 12), 416, "InvalidRange");
  await put("ranges/none", "");
  const none = { range: { startByte: 0, endByte: 0, getContentRangeHeaderValue() {} } };
  await refused(get("ranges/none", none), 416, "InvalidRange");
});

test("conditions are honoured", async () => {
  const first = await put("conditions", "1", { ifNoneMatch: "*" });
  await refused(put("conditions", "2", { ifNoneMatch: "*" }), 412, "IfNoneMatchFailed");
  await refused(put("conditions", "2", { ifMatch: "another" }), 412, "IfMatchFailed");
  const second = await put("conditions", "2", { ifMatch: first.eTag });
  await refused(get("conditions", { ifMatch: first.eTag }), 412, "IfMatchFailed");
  await refused(get("conditions", { ifNoneMatch: second.eTag }), 304);
  await refused(client.deleteObject(bucketOf({ objectName: "conditions", ifMatch: first.eTag })), 412, "IfMatchFailed");
  await client.deleteObject(bucketOf({ objectName: "conditions", ifMatch: second.eTag }));
  await refused(get("conditions"), 404, "ObjectNotFound");
});

test("a wrong digest is refused", async () => {
  const contentMD5 = md5("something else").toString("base64");
  await refused(put("digest", "bytes", { contentMD5 }), 400, "UnmatchedContentMD5");
  const stored = await put("digest", "hello world", {
    opcChecksumAlgorithm: "CRC32C",
    opcContentCrc32c: "yZRlqg==",
  });
  assert.equal(stored.opcContentCrc32c, "yZRlqg==");
});

test("listings have pages, prefixes, bounds and fields", async () => {
  for (let i = 0; i < 25; ++i) await put(`list/sub${i % 5}/${String(i).padStart(2, "0")}`, "x");
  for (const name of ["list/a", "list/b", "list/z"]) await put(name, "xyz");

  const names = [];
  for await (const object of client.listAllObjects(bucketOf({ prefix: "list/", limit: 4 }))) names.push(object.name);
  assert.equal(names.length, 28);
  assert.deepEqual(names, [...names].sort());

  const page = (await client.listObjects(bucketOf({ prefix: "list/", delimiter: "/", fields: "name,size,etag,md5" })))
    .listObjects;
  assert.deepEqual(page.objects.map((object) => object.name), ["list/a", "list/b", "list/z"]);
  assert.deepEqual(page.prefixes, [0, 1, 2, 3, 4].map((i) => `list/sub${i}/`));
  assert.equal(page.objects[0].size, 3);
  assert.equal(page.objects[0].md5, md5("xyz").toString("base64"));

  const seen = new Set();
  let start;
  do {
    const part = (await client.listObjects(bucketOf({ prefix: "list/", delimiter: "/", limit: 2, start }))).listObjects;
    for (const prefix of part.prefixes) seen.add(prefix);
    for (const object of part.objects) seen.add(object.name);
    start = part.nextStartWith;
  } while (start);
  assert.equal(seen.size, 8);

  const bounded = (await client.listObjects(bucketOf({ start: "list/b", end: "list/sub1" }))).listObjects;
  assert.deepEqual(bounded.objects[0], { name: "list/b" });
  assert.equal(bounded.objects.length, 6);
  const versions = await client.listObjectVersions(bucketOf({ prefix: "list/a" }));
  assert.equal(versions.objectVersionCollection.items[0].isDeleteMarker, false);
});

// This client does not encode + % & # in a query, so the names have none of them.
test("pages of every size hold every name once, whatever is in it", async () => {
  const names = [" lead", "a b", "comma,semi;", "equals=", "lt<gt>", "quote'\"", "tilde~", "\u00fcn\u00ef \u2602", "\u{1D11E}"]
    .map((name) => `paging/${name}`);
  for (const name of names) await put(name, name);
  for (const limit of [1, 2, names.length, 1000]) {
    const found = [];
    for await (const object of client.listAllObjects(bucketOf({ prefix: "paging/", limit }))) found.push(object.name);
    assert.deepEqual(found, [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))), `limit ${limit}`);
  }
  for (const name of names) {
    const { listObjects } = await client.listObjects(bucketOf({ prefix: name }));
    assert.deepEqual(listObjects.objects, [{ name }], "a prefix is taken as it is");
    assert.equal((await get(name)).bytes.toString(), name);
  }
  const { listObjects } = await client.listObjects(bucketOf({ prefix: "nothing here" }));
  assert.deepEqual(listObjects.objects, []);
  for (const limit of [0, 1001]) await refused(client.listObjects(bucketOf({ limit })), 400, "InvalidLimit");
});

test("a multipart upload makes one object of its parts", async () => {
  const parts = [randomBytes(5 * MIB), randomBytes(5 * MIB), randomBytes(1234)];
  const { multipartUpload } = await client.createMultipartUpload(
    bucketOf({
      createMultipartUploadDetails: { object: "big/one", metadata: { "opc-meta-mtime": "1.5" } },
      opcChecksumAlgorithm: "CRC32C",
    }),
  );
  const upload = bucketOf({ objectName: "big/one", uploadId: multipartUpload.uploadId });
  const partsToCommit = [];
  for (const index of [2, 0, 1]) {
    const body = parts[index];
    const response = await client.uploadPart({
      ...upload,
      uploadPartNum: index + 1,
      uploadPartBody: body,
      contentLength: body.length,
      contentMD5: md5(body).toString("base64"),
    });
    partsToCommit.push({ partNum: index + 1, etag: response.eTag });
  }
  assert.deepEqual(partsToCommit.map((part) => part.partNum), [3, 1, 2], "the order of a commit is free");
  const listed = await client.listMultipartUploadParts({ ...upload, limit: 2 });
  assert.deepEqual(listed.items.map((part) => part.partNumber), [1, 2]);
  const uploads = await client.listMultipartUploads(bucketOf());
  assert.deepEqual(uploads.items.map((item) => item.uploadId), [multipartUpload.uploadId]);

  const committed = await client.commitMultipartUpload({
    ...upload,
    ifNoneMatch: "*",
    commitMultipartUploadDetails: { partsToCommit },
  });
  const digest = createHash("md5").update(Buffer.concat(parts.map(md5))).digest("base64");
  assert.equal(committed.opcMultipartMd5, `${digest}-3`);
  assert.ok(committed.opcContentCrc32c);
  const { response, bytes } = await get("big/one");
  assert.ok(bytes.equals(Buffer.concat(parts)));
  assert.equal(response.opcMultipartMd5, `${digest}-3`);
  assert.equal(response.opcMeta["opc-meta-mtime"], "1.5");
  const { listObjects } = await client.listObjects(bucketOf({ prefix: "big/", fields: "name,size,md5" }));
  assert.deepEqual(listObjects.objects.map((object) => [object.name, object.md5]), [["big/one", undefined]],
    "an object of several parts has no MD5 of its bytes");
});

test("an aborted upload leaves nothing", async () => {
  const { multipartUpload } = await client.createMultipartUpload(
    bucketOf({ createMultipartUploadDetails: { object: "aborted" } }),
  );
  const upload = bucketOf({ objectName: "aborted", uploadId: multipartUpload.uploadId });
  await client.abortMultipartUpload(upload);
  await refused(client.listMultipartUploadParts(upload), 404, "UploadNotFound");
});

test("the client's upload manager sends parts in parallel", async () => {
  const body = randomBytes(23 * MIB + 17);
  const manager = new objectstorage.UploadManager(client, { partSize: 5 * MIB, maxConcurrentUploads: 5, enforceMD5: true });
  const result = await manager.upload({
    content: { stream: Readable.from(body) },
    requestDetails: bucketOf({ objectName: "managed" }),
  });
  assert.ok(result.eTag);
  const { response, bytes } = await get("managed");
  assert.ok(bytes.equals(body));
  const digests = [];
  for (let at = 0; at < body.length; at += 5 * MIB) digests.push(md5(body.subarray(at, at + 5 * MIB)));
  assert.equal(digests.length, 5);
  assert.equal(response.opcMultipartMd5, `${md5(Buffer.concat(digests)).toString("base64")}-5`);
  assert.deepEqual((await client.listMultipartUploads(bucketOf())).items, []);
});

test("a rename moves an object with its metadata", async () => {
  await put("rename/from", "bytes", { opcMeta: { mode: "0600" } });
  await put("rename/taken", "taken");
  const rename = (newName, more) =>
    client.renameObject(bucketOf({ renameObjectDetails: { sourceName: "rename/from", newName, ...more } }));
  await refused(rename("rename/taken", { newObjIfNoneMatchETag: "*" }), 412, "IfNoneMatchFailed");
  const renamed = await rename("rename/to");
  const { response, bytes } = await get("rename/to");
  assert.equal(bytes.toString(), "bytes");
  assert.equal(response.opcMeta["opc-meta-mode"], "0600");
  assert.equal(response.eTag, renamed.eTag);
  await refused(get("rename/from"), 404, "ObjectNotFound");
});

test("a copy runs as a work request", async () => {
  await put("copy/from", "bytes");
  const ordered = await client.copyObject(
    bucketOf({
      copyObjectDetails: {
        sourceObjectName: "copy/from",
        destinationRegion: cloud.ready.oci.region,
        destinationNamespace: NAMESPACE,
        destinationBucket: BUCKET,
        destinationObjectName: "copy/to",
        destinationObjectMetadata: { "opc-meta-mtime": "2.5" },
      },
    }),
  );
  const { workRequest } = await client.getWorkRequest({ workRequestId: ordered.opcWorkRequestId });
  assert.equal(workRequest.status, "COMPLETED");
  const { response, bytes } = await get("copy/to");
  assert.equal(bytes.toString(), "bytes");
  assert.equal(response.opcMeta["opc-meta-mtime"], "2.5");
});

test("a batch is deleted at once, with an answer for each object", async () => {
  await put("batch/1", "x");
  await put("batch/2", "x");
  const objects = ["batch/1", "batch/2", "batch/none"].map((objectName) => ({ objectName }));
  const { batchDeleteObjectsResult } = await client.batchDeleteObjects(
    bucketOf({ batchDeleteObjectsDetails: { objects } }),
  );
  assert.deepEqual(batchDeleteObjectsResult.deleted.map((entry) => entry.objectName), ["batch/1", "batch/2"]);
  assert.equal(batchDeleteObjectsResult.failed[0].objectName, "batch/none");
  assert.equal(batchDeleteObjectsResult.failed[0].statusCode, 404);
});

test("an archived object is read after it was restored", async () => {
  await put("cold", "bytes", { storageTier: "Archive" });
  await refused(get("cold"), 409, "NotRestored");
  await client.restoreObjects(bucketOf({ restoreObjectsDetails: { objectName: "cold", hours: 1 } }));
  assert.equal((await get("cold")).bytes.toString(), "bytes");
});

test("a wrong key is refused", async () => {
  const known = new common.ConfigFileAuthenticationDetailsProvider(cloud.ready.oci.config_file, "DEFAULT");
  const stranger = new common.SimpleAuthenticationDetailsProvider(
    known.getTenantId(),
    known.getUser(),
    known.getFingerprint().replace(/^../, (first) => (first === "ff" ? "00" : "ff")),
    known.getPrivateKey(),
    null,
    common.Region.US_ASHBURN_1,
  );
  const other = new objectstorage.ObjectStorageClient({ authenticationDetailsProvider: stranger });
  other.endpoint = cloud.ready.oci.endpoint;
  await refused(other.getNamespace({}), 401, "NotAuthenticated");
  other.close();
});

test("a bucket goes when it is empty", async () => {
  await refused(client.deleteBucket(bucketOf()), 409, "BucketNotEmpty");
  const names = [];
  for await (const object of client.listAllObjects(bucketOf())) names.push(object.name);
  for (const objectName of names) await client.deleteObject(bucketOf({ objectName }));
  await client.deleteBucket(bucketOf());
  await refused(client.headBucket(bucketOf()), 404);
});
