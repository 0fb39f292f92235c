// Microsoft's own identity client, unchanged, against the local cloud's token endpoint: each kind of credential gets a token
// with which the Data Lake client writes and reads. The client insists on https.
// Usage: node azure_identity.mjs PATH_OF_LOCALCLOUD
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { ClientCertificateCredential, ClientSecretCredential, WorkloadIdentityCredential } from "@azure/identity";
import { BlobServiceClient, ContainerSASPermissions, generateBlobSASQueryParameters } from "@azure/storage-blob";
import { DataLakeServiceClient } from "@azure/storage-file-datalake";

import { ONE_TRY, minutesFromNow, refused } from "./azure_checks.mjs";
import { readAll, startLocalCloud } from "./local_cloud.mjs";

// Starts the cloud and runs this file again: Node reads the certificates that it trusts when it starts.
async function launch(program) {
  const directory = mkdtempSync(join(tmpdir(), "identity-"));
  const [key, certificate] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
  execFileSync(
    "openssl",
    ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=conformance", "-keyout", key, "-out", certificate],
    { stdio: "ignore" },
  );
  const cloud = await startLocalCloud(
    program, "--tls", "--azure-filesystem", "identity", "--azure-client-certificate", certificate);
  const tests = spawnSync(process.execPath, [process.argv[1]], {
    stdio: "inherit",
    env: {
      ...process.env,
      NODE_EXTRA_CA_CERTS: cloud.ready.ca_file,
      LOCALCLOUD_AZURE: JSON.stringify(cloud.ready.azure),
      CLIENT_PEM: readFileSync(key, "utf8") + readFileSync(certificate, "utf8"),
    },
  });
  await cloud.stop();
  rmSync(directory, { recursive: true, force: true });
  process.exitCode = tests.status ?? 1;
}

function runTests(azure, clientPem) {
  const { authority, tenant_id: tenant, client_id: client, client_secret: secret, federated_token: token } =
    azure.service_principal;
  const options = { authorityHost: authority, disableInstanceDiscovery: true, retryOptions: { maxRetries: 0 } };
  const account = azure.accounts.find((one) => one.hierarchical);

  async function writesAndReads(credential, name) {
    const service = new DataLakeServiceClient(account.url, credential, { retryOptions: { maxTries: 1 } });
    const file = service.getFileSystemClient("identity").getFileClient(name);
    await file.upload(Buffer.from(name));
    assert.equal((await readAll((await file.read()).readableStreamBody)).toString(), name);
  }

  test("a client secret", async () =>
    writesAndReads(new ClientSecretCredential(tenant, client, secret, options), "secret"));

  test("a wrong client secret is refused in the service's words", async () => {
    const credential = new ClientSecretCredential(tenant, client, "wrong", options);
    await assert.rejects(credential.getToken("https://storage.azure.com/.default"), /AADSTS7000215/);
  });

  test("a client certificate", async () =>
    writesAndReads(new ClientCertificateCredential(tenant, client, { certificate: clientPem }, options), "certificate"));

  test("a workload's federated token", async () => {
    const directory = mkdtempSync(join(tmpdir(), "federated-"));
    const tokenFilePath = join(directory, "token");
    writeFileSync(tokenFilePath, token);
    await writesAndReads(
      new WorkloadIdentityCredential({ ...options, tenantId: tenant, clientId: client, tokenFilePath }), "workload");
    rmSync(directory, { recursive: true, force: true });
  });

  // In the version that the client signs with by itself, and bound to a header of the request.
  test("a user delegation SAS lets in for what it was signed", async () => {
    const credential = new ClientSecretCredential(tenant, client, secret, options);
    await writesAndReads(credential, "delegated");
    const service = new BlobServiceClient(account.url, credential, ONE_TRY);
    const key = await service.getUserDelegationKey(minutesFromNow(-5), minutesFromNow(60));
    const holder = (more) => {
      const query = generateBlobSASQueryParameters({
        containerName: "identity", permissions: ContainerSASPermissions.parse("rl"), expiresOn: minutesFromNow(5), ...more,
      }, key, account.name).toString();
      return `${service.getContainerClient("identity").url}/delegated?${query}`;
    };
    assert.equal(await (await fetch(holder())).text(), "delegated");
    assert.equal((await fetch(holder(), { method: "DELETE" })).status, 403);
    const bound = holder({ requestHeaders: { "x-team": "storage" } });
    assert.equal((await fetch(bound, { headers: { "x-team": "storage" } })).status, 200);
    assert.equal((await fetch(bound, { headers: { "x-team": "other" } })).status, 403);
    assert.equal((await fetch(bound)).status, 403);
    const expired = { expiresOn: minutesFromNow(-1) };
    await refused(new BlobServiceClient(holder(expired), undefined, ONE_TRY).getProperties(), 403);
  });

  test("a token says when it ends", async () => {
    const credential = new ClientSecretCredential(tenant, client, secret, options);
    const { expiresOnTimestamp } = await credential.getToken("https://storage.azure.com/.default");
    assert.ok(expiresOnTimestamp > Date.now() + 50 * 60_000 && expiresOnTimestamp < Date.now() + 70 * 60_000);
  });
}

if (process.env.LOCALCLOUD_AZURE === undefined) await launch(process.argv[2]);
else runTests(JSON.parse(process.env.LOCALCLOUD_AZURE), process.env.CLIENT_PEM);
