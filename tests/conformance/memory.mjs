// The local cloud gives back what was deleted: the bytes that it holds by its own count, and its memory as the kernel
// sees it.
// Usage: node memory.mjs PATH_OF_LOCALCLOUD
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";

import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { DataLakeServiceClient } from "@azure/storage-file-datalake";
import common from "oci-common";
import objectstorage from "oci-objectstorage";

import { ONE_TRY } from "./azure_checks.mjs";
import { startLocalCloud } from "./local_cloud.mjs";

const MIB = 1024 * 1024;
const LARGE = 24; // of 4 MiB
const SMALL = 3000; // of 16 KiB
const TOTAL = LARGE * 4 * MIB + SMALL * 16 * 1024;
const DEADLINE_MS = 20_000;

let cloud;
let stores;

before(async () => {
  cloud = await startLocalCloud(process.argv[2], "--azure-filesystem", "memory", "--azure-container", "memory",
    "--oci-bucket", "memory");
  const { accounts } = cloud.ready.azure;
  const credentialOf = (account) => new StorageSharedKeyCredential(account.name, account.key);
  const flat = accounts.find((one) => !one.hierarchical);
  const lake = accounts.find((one) => one.hierarchical);
  const container = new BlobServiceClient(flat.url, credentialOf(flat), ONE_TRY).getContainerClient("memory");
  const filesystem = new DataLakeServiceClient(lake.url, credentialOf(lake), ONE_TRY).getFileSystemClient("memory");
  const objects = new objectstorage.ObjectStorageClient({
    authenticationDetailsProvider: new common.ConfigFileAuthenticationDetailsProvider(
      cloud.ready.oci.config_file, "DEFAULT"),
  });
  objects.endpoint = cloud.ready.oci.endpoint;
  const bucket = { namespaceName: cloud.ready.oci.namespace, bucketName: "memory" };
  stores = {
    blob: {
      put: (name, bytes) => container.getBlockBlobClient(name).upload(bytes, bytes.length),
      remove: (name) => container.deleteBlob(name),
    },
    datalake: {
      put: (name, bytes) => filesystem.getFileClient(name).upload(bytes),
      remove: (name) => filesystem.getFileClient(name).delete(),
    },
    oci: {
      put: (name, bytes) => objects.putObject(
        { ...bucket, objectName: name, putObjectBody: bytes, contentLength: bytes.length }),
      remove: (name) => objects.deleteObject({ ...bucket, objectName: name }),
      close: () => objects.close(),
    },
  };
});

after(async () => {
  stores.oci.close();
  await cloud.stop();
});

async function heldBytes() {
  return (await (await fetch(`${cloud.ready.admin.endpoint}/admin/memory`)).json()).held_bytes;
}

function residentBytes() {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${cloud.pid}/status`, "utf8"))[1]) * 1024;
}

// A sanitizer's allocator keeps what was freed to find its use.
const sanitized = () => /lib[at]san/.test(readFileSync(`/proc/${cloud.pid}/maps`, "utf8"));

// Eight at a time, as over eight connections.
async function each(count, act) {
  let next = 0;
  const one = async () => {
    while (next < count) await act(next++);
  };
  await Promise.all(Array.from({ length: 8 }, one));
}

for (const kind of ["blob", "datalake", "oci"]) {
  test(`what was deleted is given back: ${kind}`, async () => {
    const store = stores[kind];
    await store.put("warm", Buffer.alloc(MIB)); // what every run needs
    await store.remove("warm");
    const before = residentBytes();
    const large = Buffer.alloc(4 * MIB, "large");
    const small = Buffer.alloc(16 * 1024, "small");
    await each(LARGE, (i) => store.put(`large/${i}`, large));
    await each(SMALL, (i) => store.put(`small/${i}`, small));
    assert.equal(await heldBytes(), TOTAL);
    assert.ok(residentBytes() - before > TOTAL * 0.8, "it is kept in memory");
    await each(LARGE, (i) => store.remove(`large/${i}`));
    await each(SMALL, (i) => store.remove(`small/${i}`));
    assert.equal(await heldBytes(), 0);
    if (sanitized()) return;
    const deadline = Date.now() + DEADLINE_MS;
    while (residentBytes() - before > 16 * MIB && Date.now() < deadline) await sleep(100);
    assert.ok(residentBytes() - before <= 16 * MIB, `${(residentBytes() - before) / MIB} MiB are still kept`);
  });
}
