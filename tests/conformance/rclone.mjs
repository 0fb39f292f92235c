// rclone (Debian's package), unchanged, against the local cloud: a tree goes up, is listed, checked, comes back as it was
// and is deleted; in an Azure account without a hierarchical namespace, and in one with it. (Debian's has no OCI.)
// Usage: node rclone.mjs PATH_OF_LOCALCLOUD
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { AccountSASPermissions, BlobServiceClient, StorageSharedKeyCredential } from "@azure/storage-blob";

import { minutesFromNow } from "./azure_checks.mjs";
import { startLocalCloud } from "./local_cloud.mjs";

const MIB = 1024 * 1024;
const MTIME = new Date("2024-02-29T12:34:56.789Z");
const FILES = {
  "empty": 0,
  "one": 1,
  "dir/file.txt": 1000,
  "dir/sub dir/+%&=#?;.bin": 70_000,
  "dir/sub dir/ünï ☂": 5,
  "several parts": 9 * MIB + 17,
};

let cloud;
let directory;
let source;
let environment;

// Standard output of rclone.
async function rclone(...words) {
  const options = { env: environment, maxBuffer: 64 * MIB };
  return (await promisify(execFile)("rclone", ["--retries", "1", "--low-level-retries", "1", ...words], options)).stdout;
}

function filesBelow(root) {
  return readdirSync(root, { recursive: true }).filter((name) => statSync(join(root, name)).isFile()).sort();
}

const remoteOf = (name, settings) => Object.fromEntries(
  Object.entries(settings).map(([key, value]) => [`RCLONE_CONFIG_${name}_${key}`.toUpperCase(), value]));

before(async () => {
  cloud = await startLocalCloud(process.argv[2], "--azure-filesystem", "rclone", "--azure-container", "rclone");
  directory = mkdtempSync(join(tmpdir(), "rclone-"));
  source = join(directory, "source");
  for (const [name, size] of Object.entries(FILES)) {
    mkdirSync(dirname(join(source, name)), { recursive: true });
    writeFileSync(join(source, name), randomBytes(size));
    utimesSync(join(source, name), MTIME, MTIME);
  }
  const azure = (hierarchical) => {
    const account = cloud.ready.azure.accounts.find((one) => one.hierarchical === hierarchical);
    const service = new BlobServiceClient(account.url, new StorageSharedKeyCredential(account.name, account.key));
    const sasUrl = service.generateAccountSasUrl(minutesFromNow(30), AccountSASPermissions.parse("rwdlac"), "sco");
    return { type: "azureblob", sas_url: sasUrl, chunk_size: "4M", list_chunk: "3" };
  };
  environment = {
    PATH: process.env.PATH, HOME: directory, RCLONE_CONFIG: join(directory, "none.conf"),
    ...remoteOf("flat", azure(false)),
    ...remoteOf("hierarchical", azure(true)),
  };
});

after(async () => {
  await cloud.stop();
  rmSync(directory, { recursive: true, force: true });
});

for (const remote of ["flat", "hierarchical"]) {
  const root = `${remote}:rclone/tree`;

  test(`${remote}: a tree goes up and is listed`, async () => {
    await rclone("copy", source, root);
    const names = (await rclone("lsf", "--recursive", "--files-only", root)).split("\n").filter(Boolean);
    assert.deepEqual(names.sort(), Object.keys(FILES).sort());
    const directories = (await rclone("lsf", "--dirs-only", root)).split("\n").filter(Boolean);
    assert.deepEqual(directories, ["dir/"]);
    const told = JSON.parse(await rclone("lsjson", "--recursive", "--files-only", root));
    for (const { Path, Size, ModTime } of told) {
      assert.equal(Size, FILES[Path]);
      assert.equal(new Date(ModTime).getTime(), MTIME.getTime(), Path);
    }
  });

  test(`${remote}: it is checked, by digests and by bytes`, async () => {
    await rclone("check", source, root);
    await rclone("check", "--download", source, root);
  });

  test(`${remote}: a second pass moves nothing`, async () => {
    const { stderr } = await promisify(execFile)("rclone", ["copy", "--verbose", "--stats-one-line", source, root],
      { env: environment });
    assert.doesNotMatch(stderr, /Copied/);
  });

  test(`${remote}: it comes back as it was`, async () => {
    const back = join(directory, `back-${remote}`);
    await rclone("copy", root, back);
    assert.deepEqual(filesBelow(back), Object.keys(FILES).sort());
    for (const name of Object.keys(FILES)) {
      assert.ok(readFileSync(join(back, name)).equals(readFileSync(join(source, name))), name);
      assert.equal(statSync(join(back, name)).mtime.getTime(), MTIME.getTime(), name);
    }
  });

  test(`${remote}: files are copied on the server, changed and deleted`, async () => {
    await rclone("copyto", `${root}/one`, `${root}/copied`);
    const copied = join(directory, `copied-${remote}`);
    await rclone("copyto", `${root}/copied`, copied);
    assert.ok(readFileSync(copied).equals(readFileSync(join(source, "one"))));
    await rclone("sync", join(source, "dir"), root);
    const names = (await rclone("lsf", "--recursive", "--files-only", root)).split("\n").filter(Boolean);
    assert.deepEqual(names.sort(), filesBelow(join(source, "dir")));
    await rclone("purge", root);
    assert.equal(await rclone("lsf", "--recursive", `${remote}:rclone`), "");
  });
}
