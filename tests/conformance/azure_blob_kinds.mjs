// Microsoft's own Blob client, unchanged, against the local cloud: append blobs and snapshots.
// Usage: node azure_blob_kinds.mjs PATH_OF_LOCALCLOUD
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";

import { ONE_TRY, refused } from "./azure_checks.mjs";
import { readAll, startLocalCloud } from "./local_cloud.mjs";

let cloud;
let container; // of the account without a hierarchical namespace
let lake; // of the one with it

async function content(blob) {
  return (await readAll((await blob.download()).readableStreamBody)).toString();
}

before(async () => {
  cloud = await startLocalCloud(process.argv[2], "--azure-container", "kinds", "--azure-filesystem", "kinds");
  const clientOf = (account) =>
    new BlobServiceClient(account.url, new StorageSharedKeyCredential(account.name, account.key), ONE_TRY)
      .getContainerClient("kinds");
  container = clientOf(cloud.ready.azure.accounts.find((one) => !one.hierarchical));
  lake = clientOf(cloud.ready.azure.accounts.find((one) => one.hierarchical));
});

after(async () => cloud.stop());

for (const where of ["flat", "hierarchical"]) {
  test(`an append blob grows at its end, in an account that is ${where}`, async () => {
    const blob = (where === "flat" ? container : lake).getAppendBlobClient("log");
    await blob.create({ metadata: { k: "v" }, blobHTTPHeaders: { blobContentType: "text/plain" } });
    assert.equal((await blob.appendBlock("one ", 4)).blobAppendOffset, "0");
    const second = await blob.appendBlock("two", 3, { conditions: { appendPosition: 4, maxSize: 7 } });
    assert.deepEqual([second.blobAppendOffset, second.blobCommittedBlockCount], ["4", 2]);
    await refused(blob.appendBlock("x", 1, { conditions: { appendPosition: 4 } }), 412, "AppendPositionConditionNotMet");
    await refused(blob.appendBlock("x", 1, { conditions: { maxSize: 7 } }), 412, "MaxBlobSizeConditionNotMet");
    assert.equal(await content(blob), "one two");
    const properties = await blob.getProperties();
    assert.deepEqual([properties.blobType, properties.contentType, properties.metadata],
      ["AppendBlob", "text/plain", { k: "v" }]);
    assert.equal((await blob.createIfNotExists()).succeeded, false);
  });
}

test("blocks and appends do not mix", async () => {
  const blob = container.getAppendBlobClient("mixed");
  await blob.create();
  const id = Buffer.from("1").toString("base64");
  await refused(container.getBlockBlobClient("mixed").stageBlock(id, "x", 1), 409, "InvalidBlobType");
  await container.getBlockBlobClient("whole").upload("x", 1);
  await refused(container.getAppendBlobClient("whole").appendBlock("x", 1), 409, "InvalidBlobType");
});

test("an append blob takes the bytes of another blob, and nothing once it is sealed", async () => {
  await container.getBlockBlobClient("source").upload("0123456789", 10);
  const blob = container.getAppendBlobClient("from-url");
  await blob.create();
  await blob.appendBlockFromURL(container.getBlobClient("source").url, 2, 3);
  assert.equal(await content(blob), "234");
  await blob.seal();
  assert.equal((await blob.getProperties()).isSealed, true);
  await refused(blob.appendBlock("x", 1), 409, "BlobIsSealed");
});

test("a snapshot is read, listed, copied back and deleted", async () => {
  const blob = container.getBlockBlobClient("kept");
  await blob.upload("old", 3, { metadata: { version: "1" } });
  const { snapshot, etag } = await blob.createSnapshot();
  await blob.upload("new", 3);
  const old = blob.withSnapshot(snapshot);
  assert.equal(await content(old), "old");
  const properties = await old.getProperties();
  assert.deepEqual([properties.etag, properties.metadata], [etag, { version: "1" }]);
  const listed = [];
  for await (const item of container.listBlobsFlat({ prefix: "kept", includeSnapshots: true })) {
    listed.push([item.name, item.snapshot]);
  }
  assert.deepEqual(listed, [["kept", snapshot], ["kept", undefined]]);
  await refused(blob.delete(), 409, "SnapshotsPresent");
  await (await blob.beginCopyFromURL(old.url)).pollUntilDone();
  assert.equal(await content(blob), "old");
  await old.delete();
  await refused(old.getProperties(), 404);
  await blob.createSnapshot();
  await blob.delete({ deleteSnapshots: "include" });
  assert.equal(await blob.exists(), false);
});
