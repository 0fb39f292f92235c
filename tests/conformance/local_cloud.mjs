// Starts the program `localcloud` for a conformance test and stops it again.
import { spawn } from "node:child_process";
import { webcrypto } from "node:crypto";
import { mkdtempSync, readFileSync, existsSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

// Debian 12 has Node.js 18, where the Web Crypto that the clients ask for is there but is not a global name.
globalThis.crypto ??= webcrypto;

const START_DEADLINE_MS = 30_000;

// `program` is the path of localcloud; resolves to { ready, pid, stop }, where `ready` is what its ready file says.
export async function startLocalCloud(program, ...options) {
  const directory = mkdtempSync(join(tmpdir(), "localcloud-"));
  const readyFile = join(directory, "ready.json");
  const child = spawn(program, ["--ready-file", readyFile, ...options], { stdio: ["ignore", "inherit", "inherit"] });
  const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGTERM");
    const { code, signal } = await ended;
    rmSync(directory, { recursive: true, force: true });
    if (code !== 0) throw new Error(`localcloud ended with ${code ?? signal}`);
  };
  const deadline = Date.now() + START_DEADLINE_MS;
  while (!existsSync(readyFile)) {
    if (child.exitCode !== null) throw new Error(`localcloud did not start: exit status ${child.exitCode}`);
    if (Date.now() > deadline) {
      child.kill("SIGKILL");
      throw new Error("localcloud was not ready in time");
    }
    await sleep(20);
  }
  return { ready: JSON.parse(readFileSync(readyFile, "utf8")), pid: child.pid, stop };
}

// The whole of a web or Node stream as a Buffer.
export async function readAll(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}
