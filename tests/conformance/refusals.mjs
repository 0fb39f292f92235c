// What the clouds' own clients, unchanged, make of a refusal that a rule of the local cloud asks for: each status comes
// with the service's own code for it, or with the one that the rule names.
// Usage: node refusals.mjs PATH_OF_LOCALCLOUD
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";
import { DataLakeServiceClient } from "@azure/storage-file-datalake";
import common from "oci-common";
import objectstorage from "oci-objectstorage";

import { ONE_TRY, refused } from "./azure_checks.mjs";
import { startLocalCloud } from "./local_cloud.mjs";

let cloud;
let blob;
let file;
let objects;
const place = { bucketName: "refusals", objectName: "x" };

before(async () => {
  cloud = await startLocalCloud(process.argv[2], "--azure-filesystem", "refusals", "--azure-container", "refusals",
    "--oci-bucket", "refusals");
  const { accounts } = cloud.ready.azure;
  const credentialOf = (account) => new StorageSharedKeyCredential(account.name, account.key);
  const flat = accounts.find((one) => !one.hierarchical);
  const lake = accounts.find((one) => one.hierarchical);
  blob = new BlobServiceClient(flat.url, credentialOf(flat), ONE_TRY)
    .getContainerClient("refusals").getBlockBlobClient("x");
  file = new DataLakeServiceClient(lake.url, credentialOf(lake), ONE_TRY)
    .getFileSystemClient("refusals").getFileClient("x");
  objects = new objectstorage.ObjectStorageClient({
    authenticationDetailsProvider: new common.ConfigFileAuthenticationDetailsProvider(
      cloud.ready.oci.config_file, "DEFAULT"),
  }, { retryConfiguration: common.NoRetryConfigurationDetails });
  objects.endpoint = cloud.ready.oci.endpoint;
  place.namespaceName = cloud.ready.oci.namespace;
});

after(async () => {
  objects.close();
  await cloud.stop();
});

// `request` while a rule stands.
async function under(rule, request) {
  const rules = `${cloud.ready.admin.endpoint}/admin/rules`;
  const added = await fetch(rules, { method: "POST", body: JSON.stringify(rule) });
  assert.equal(added.status, 204, await added.text());
  try {
    await request();
  } finally {
    await fetch(rules, { method: "DELETE" });
  }
}

const upload = () => blob.upload("x", 1);
const AZURE = [
  [upload, 403, "AuthorizationPermissionMismatch"],
  [upload, 409, "BlobAlreadyExists"],
  [upload, 412, "ConditionNotMet"],
  [upload, 413, "RequestBodyTooLarge"],
  [upload, 429, "ServerBusy"],
  [upload, 500, "InternalError"],
  [upload, 503, "ServerBusy"],
  [() => blob.getProperties(), 404, undefined],
  [() => blob.download(), 404, "BlobNotFound"],
  [() => file.create(), 403, "AuthorizationPermissionMismatch"],
  [() => file.create(), 409, "PathAlreadyExists"],
  [() => file.delete(), 404, "PathNotFound"],
];

for (const [request, status, code] of AZURE) {
  test(`azure: ${status} is ${code}`, async () => under({ status }, () => refused(request(), status, code)));
}

test("azure: 401 names where tokens come from", async () => under({ status: 401 }, async () => {
  await assert.rejects(upload(), (error) => {
    assert.equal(error.code, "InvalidAuthenticationInfo");
    assert.match(error.response.headers.get("www-authenticate"), /^Bearer authorization_uri=/);
    return true;
  });
}));

test("azure: a rule's own code", async () =>
  under({ status: 403, code: "AccountIsDisabled" }, () => refused(upload(), 403, "AccountIsDisabled")));

const OCI = [
  [401, "NotAuthenticated"],
  [403, "NotAllowed"],
  [404, "ObjectNotFound"],
  [409, "ConcurrentObjectUpdate"],
  [412, "IfMatchFailed"],
  [429, "TooManyRequests"],
  [500, "InternalServerError"],
  [503, "ServiceUnavailable"],
];

const ociRefused = (status, code) => assert.rejects(objects.getObject(place), (error) => {
  assert.deepEqual([error.statusCode, error.serviceCode], [status, code]);
  return true;
});

for (const [status, code] of OCI) {
  test(`oci: ${status} is ${code}`, async () => under({ status }, () => ociRefused(status, code)));
}

test("oci: a rule's own code", async () =>
  under({ status: 404, code: "NotAuthorizedOrNotFound" }, () => ociRefused(404, "NotAuthorizedOrNotFound")));

test("a code without a status is refused by the admin port", async () => {
  const reply = await fetch(`${cloud.ready.admin.endpoint}/admin/rules`,
    { method: "POST", body: JSON.stringify({ code: "ServerBusy" }) });
  assert.equal(reply.status, 400);
});
