// Oracle's own Vault secrets client, unchanged, against the local cloud.
// Usage: node oci_secrets.mjs PATH_OF_LOCALCLOUD
// The client prints every failed attempt; those lines are not failures of the test.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import common from "oci-common";
import secrets from "oci-secrets";

import { startLocalCloud } from "./local_cloud.mjs";

const CONTENT = "only for tests +/= ünï";

let cloud;
let client;
let secret;

async function refused(promise, statusCode, serviceCode) {
  await assert.rejects(promise, (error) => {
    assert.equal(error.statusCode, statusCode);
    assert.equal(error.serviceCode, serviceCode);
    return true;
  });
}

const textOf = (bundle) => Buffer.from(bundle.secretBundleContent.content, "base64").toString();

before(async () => {
  cloud = await startLocalCloud(process.argv[2], "--oci-secret", `azure-client=${CONTENT}`);
  [secret] = cloud.ready.oci.secrets;
  const authenticationDetailsProvider = new common.ConfigFileAuthenticationDetailsProvider(
    cloud.ready.oci.config_file, "DEFAULT");
  client = new secrets.SecretsClient({ authenticationDetailsProvider });
  client.endpoint = cloud.ready.oci.endpoint;
});

after(async () => {
  client.close();
  await cloud.stop();
});

test("a secret is fetched by its OCID", async () => {
  const { secretBundle, etag } = await client.getSecretBundle({ secretId: secret.id });
  assert.equal(textOf(secretBundle), CONTENT);
  assert.equal(secretBundle.secretBundleContent.contentType, "BASE64");
  assert.equal(secretBundle.secretId, secret.id);
  assert.equal(secretBundle.versionNumber, 1);
  assert.deepEqual([...secretBundle.stages].sort(), ["CURRENT", "LATEST"]);
  assert.ok(etag);
});

test("a secret is fetched by its name and vault", async () => {
  const byName = { secretName: "azure-client", vaultId: secret.vault_id };
  assert.equal(textOf((await client.getSecretBundleByName(byName)).secretBundle), CONTENT);
  await refused(client.getSecretBundleByName({ ...byName, secretName: "other" }), 404, "NotAuthorizedOrNotFound");
  await refused(client.getSecretBundleByName({ ...byName, vaultId: "other" }), 404, "NotAuthorizedOrNotFound");
});

test("a version is chosen by stage or number", async () => {
  const { Current, Latest, Previous } = secrets.requests.GetSecretBundleRequest.Stage;
  for (const stage of [Current, Latest]) {
    assert.equal(textOf((await client.getSecretBundle({ secretId: secret.id, stage })).secretBundle), CONTENT);
  }
  assert.equal((await client.getSecretBundle({ secretId: secret.id, versionNumber: 1 })).secretBundle.versionNumber, 1);
  await refused(client.getSecretBundle({ secretId: secret.id, stage: Previous }), 404, "NotAuthorizedOrNotFound");
  await refused(client.getSecretBundle({ secretId: secret.id, versionNumber: 2 }), 404, "NotAuthorizedOrNotFound");
});

test("the versions of a secret are listed", async () => {
  const { items, opcNextPage } = await client.listSecretBundleVersions({ secretId: secret.id });
  assert.deepEqual(items.map((item) => [item.secretId, item.versionNumber]), [[secret.id, 1]]);
  assert.deepEqual([...items[0].stages].sort(), ["CURRENT", "LATEST"]);
  assert.equal(opcNextPage ?? null, null);
  await refused(client.listSecretBundleVersions({ secretId: `${secret.id}x` }), 404, "NotAuthorizedOrNotFound");
});

test("a secret that is not there looks like one that is not ours", async () => {
  await refused(client.getSecretBundle({ secretId: `${secret.id}x` }), 404, "NotAuthorizedOrNotFound");
});
